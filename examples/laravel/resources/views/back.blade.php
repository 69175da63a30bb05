<!DOCTYPE html>
<html lang="zh-CN">
<head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>后端界面</title>
</head>
<body>
    <button class="push" data-func="pushHomeLogic">按钮1</button>
    <button class="push" data-func="pushListLogic">按钮2</button>
    <script src="{{ asset('/vendor/tw/global/jQuery/jquery-2.2.3.min.js') }}"></script>
    <script>
        $('.push').on('click', function () {
            $.ajax({
                url: "{{ route('back') }}",
                type: 'post',
                dataType: 'json',
                data: {func: $(this).attr('data-func'), _token: "{{ csrf_token() }}"},
                error: () => alert('服务器繁忙, 请联系管理员!'),
            });
        });
    </script>
</body>
</html>
