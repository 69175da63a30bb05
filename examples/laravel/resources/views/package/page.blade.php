<!DOCTYPE html>
<html lang="zh-CN">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{ $page }}</title>
<h1>{{ $page }}</h1>
@scenecast(['page' => $page], ['popup' => true])
</html>
