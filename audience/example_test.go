package audience_test

import (
	"fmt"

	"scenecast/audience"
	"scenecast/label"
)

func Example() {
	to, err := audience.Parse(`page in ["home", "list"] && plan != "free"`)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(to.Match(label.FromMap(map[string][]string{"page": {"home"}, "plan": {"pro"}})))
	fmt.Println(to.Match(label.FromMap(map[string][]string{"page": {"home"}})))
	fmt.Println(to.Match(label.FromMap(map[string][]string{"page": {"back"}})))

	_, err = audience.Parse(`page == home`)
	fmt.Println(err)
	// Output:
	// true
	// true
	// false
	// column 9: expected a string in quotes after ==, found home; write "home"
}

func ExampleParseJSON() {
	to, err := audience.ParseJSON([]byte(`{"page": ["home", "list"], "order": 7}`))
	fmt.Println(to, err)
	// Output: page in ["home", "list"] && order == "7" <nil>
}

func ExampleTemplate() {
	shipped, err := audience.ParseTemplate(`page == "order" && order == $order`)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(shipped.Params())
	fmt.Println(shipped.Bind(map[string]string{"order": `7" || has(page)`}))
	// Output:
	// [order]
	// page == "order" && order == "7\" || has(page)" <nil>
}
