{{-- A page as the tutorial has it: a WebSocket of its own, with a heartbeat, and a new one when it is lost. --}}
<script>
    const url = 'ws://{{ request()->getHost() }}:9502?page={{ $page }}&token=123456';
    let socket, heartbeat, answer;

    function alive() {
        clearTimeout(heartbeat);
        clearTimeout(answer);
        heartbeat = setTimeout(() => {
            socket.send('heartbeat');
            answer = setTimeout(() => socket.close(), 60000);
        }, 60000);
    }

    function connect() {
        socket = new WebSocket(url);
        socket.onopen = alive;
        socket.onmessage = (event) => {
            alive();
            const data = JSON.parse(event.data);
            if (data.code == 200) {
                console.log(data.message);
            }
        };
        socket.onclose = () => setTimeout(connect, 2000);
    }
    connect();
</script>
