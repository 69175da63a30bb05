<!DOCTYPE html>
<html lang="zh-CN">
<head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>列表页</title>
</head>
<body>
    <h1>这是列表页</h1>
    @include('socket', ['page' => 'list'])
</body>
</html>
