package push_test

import (
	"context"
	"encoding/json"
	"fmt"

	"scenecast/audience"
	"scenecast/push"
)

func ExampleDeclare() {
	orderShipped, err := push.Declare(push.Declaration{
		Params:  []push.Param{{Name: "order", Type: push.String}},
		To:      json.RawMessage(`{"page":"order","order":"$order"}`),
		Message: json.RawMessage(`{"code":200,"message":"订单 $order 已发货"}`),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	// A call of /?func=orderShipped&order=7, and one by somebody who would like to reach everybody.
	for _, order := range []string{"7", `7" || "1" == "1`} {
		r, err := orderShipped.Request(context.Background(), push.URLArgs(map[string][]string{"order": {order}}))
		fmt.Println(r.To, string(r.Message), err)
	}
	// Output:
	// page == "order" && order == "7" {"code":200,"message":"订单 7 已发货"} <nil>
	// page == "order" && order == "7\" || \"1\" == \"1" {"code":200,"message":"订单 7\" || \"1\" == \"1 已发货"} <nil>
}

func ExampleTriggerFunc() {
	template, err := audience.ParseTemplate(`page == "cart" && user == $user`)
	if err != nil {
		fmt.Println(err)
		return
	}
	priceChanged := push.TriggerFunc(func(_ context.Context, args push.Args) (push.Request, error) {
		user, err := args.String("user")
		if err != nil {
			return push.Request{}, err
		}
		cents, err := args.Integer("cents")
		if err != nil {
			return push.Request{}, err
		}
		to, err := template.Bind(map[string]string{"user": user})
		if err != nil {
			return push.Request{}, err
		}
		message, err := json.Marshal(map[string]string{"price": fmt.Sprintf("%d.%02d", cents/100, cents%100)})
		return push.Request{To: to, Message: message}, err
	})
	for _, cents := range []string{"1999", "19.99"} {
		r, err := priceChanged.Request(context.Background(), push.URLArgs(map[string][]string{"user": {"42"}, "cents": {cents}}))
		if err != nil {
			fmt.Println(err)
			continue
		}
		fmt.Println(r.To, string(r.Message))
	}
	// Output:
	// page == "cart" && user == "42" {"price":"19.99"}
	// cents: not of the type that it takes: integer
}
