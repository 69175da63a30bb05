<!DOCTYPE html>
<html lang="zh-CN">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>后端</title>
<form>@csrf
  <button name="page" value="home">按钮 1</button>
  <button name="page" value="list">按钮 2</button>
  <output></output>
</form>
<script>
  const form = document.querySelector("form");
  form.onsubmit = async (event) => {
    event.preventDefault();
    const answer = await fetch("push", { method: "POST", body: new FormData(form, event.submitter), headers: { Accept: "application/json" } });
    form.querySelector("output").value = JSON.stringify(await answer.json());
  };
</script>
</html>
