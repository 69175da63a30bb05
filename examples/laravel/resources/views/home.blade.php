<!DOCTYPE html>
<html lang="zh-CN">
<head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>首页</title>
</head>
<body>
    <h1>这是首页</h1>
    @include('socket', ['page' => 'home'])
</body>
</html>
