<?php

// A Laravel application that broadcasts by its driver "pusher", as `php -S ADDRESS server.php` serves it. Its framework is Debian's
// php-laravel-framework.

use Illuminate\Broadcasting\InteractsWithSockets;
use Illuminate\Broadcasting\PrivateChannel;
use Illuminate\Contracts\Broadcasting\ShouldBroadcastNow;
use Illuminate\Http\Request;
use Illuminate\Support\Facades\Broadcast;

error_reporting(E_ALL & ~E_DEPRECATED); // the framework is older than this PHP
require '/usr/share/php/Illuminate/autoload.php';
foreach (['Foundation', 'Events', 'Bus', 'Queue', 'Broadcasting', 'Routing', 'Http', 'Auth', 'Config', 'Log', 'Pipeline'] as $part) {
    if (is_file($file = "/usr/share/php/Illuminate/$part/autoload.php")) {
        require_once $file;
    }
}
require_once '/usr/share/php/Illuminate/Foundation/helpers.php';
require __DIR__.'/Pusher.php';

class OrderShipped implements ShouldBroadcastNow
{
    use InteractsWithSockets;

    public function __construct(public int $order)
    {
    }

    public function broadcastOn()
    {
        return new PrivateChannel("orders.$this->order");
    }
}

$app = new Illuminate\Foundation\Application(sys_get_temp_dir());
$app->instance('config', new Illuminate\Config\Repository([
    'app' => ['providers' => [], 'aliases' => []],
    // As config/broadcasting.php has it since Laravel 9.
    'broadcasting' => ['default' => 'pusher', 'connections' => ['pusher' => [
        'driver' => 'pusher',
        'key' => getenv('PUSHER_APP_KEY'),
        'secret' => getenv('PUSHER_APP_SECRET'),
        'app_id' => getenv('PUSHER_APP_ID'),
        'options' => [
            'host' => getenv('PUSHER_HOST'),
            'port' => getenv('PUSHER_PORT'),
            'scheme' => getenv('PUSHER_SCHEME'),
            'useTLS' => getenv('PUSHER_SCHEME') === 'https',
        ],
    ]]],
    'queue' => ['default' => 'sync', 'connections' => ['sync' => ['driver' => 'sync']]],
]));
$request = Request::capture();
$app->instance('request', $request);
Illuminate\Support\Facades\Facade::setFacadeApplication($app);
foreach ([
    Illuminate\Events\EventServiceProvider::class,
    Illuminate\Bus\BusServiceProvider::class,
    Illuminate\Queue\QueueServiceProvider::class,
    Illuminate\Broadcasting\BroadcastServiceProvider::class,
] as $provider) {
    $app->register($provider);
}
$app->boot();

// As routes/channels.php: who may listen. The user is whom the header names, in the place of a login.
$request->setUserResolver(fn () => ($id = $request->header('X-User')) === null ? null : new Illuminate\Auth\GenericUser(['id' => $id]));
Broadcast::channel('orders.{order}', fn ($user, $order) => (int) $order < 100);
Broadcast::channel('room.{room}', fn ($user, $room) => ['id' => $user->getAuthIdentifier(), 'name' => strtoupper($user->getAuthIdentifier())]);

try {
    switch ($request->path()) {
        case 'broadcasting/auth':
            $answer = Broadcast::auth($request);
            break;
        case 'ship': // what a controller does
            broadcast(new OrderShipped((int) $request->input('order')))->toOthers();
            $answer = ['laravel' => $app->version()];
            break;
        default:
            http_response_code(404);
            return;
    }
} catch (Symfony\Component\HttpKernel\Exception\AccessDeniedHttpException $e) {
    http_response_code(403);
    return;
} catch (Throwable $e) {
    http_response_code(500);
    $answer = ['error' => (string) $e];
}
header('Content-Type: application/json');
echo json_encode($answer);
