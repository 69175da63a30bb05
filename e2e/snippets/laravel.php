<?php

// A Laravel application for the PHP of the documents: that of the tutorials, with a user who is logged in, and with Laravel's HTTP client, which sends
// what it would have Guzzle send, by curl: that needs no package besides Debian's Laravel.

use Illuminate\Auth\GenericUser;
use Illuminate\Http\Client\Factory;
use Illuminate\Http\Client\PendingRequest;
use Illuminate\Support\Facades\Broadcast;

require dirname(__DIR__, 2) . '/clients/php/tests/bootstrap.php';
require dirname(__DIR__, 2) . '/cmd/scenecast/testdata/tutorials/laravel.php';

$app['config']['services.scenecast.key'] = getenv('SCENECAST_KEY');
$app['request']->setUserResolver(fn () => new GenericUser(['id' => 42]));
Broadcast::channel('orders.{order}', fn ($user, $order) => true);

$app->instance(Factory::class, new class extends Factory {
    protected function newPendingRequest()
    {
        return new class ($this) extends PendingRequest {
            public function send(string $method, string $url, array $options = [])
            {
                $headers = array_map(fn ($name, $value) => "$name: $value", array_keys($this->options['headers']), $this->options['headers']);
                $handle = curl_init($url);
                curl_setopt_array($handle, [
                    CURLOPT_CUSTOMREQUEST => $method, CURLOPT_HTTPHEADER => $headers, CURLOPT_RETURNTRANSFER => true,
                    CURLOPT_POSTFIELDS => json_encode($options['json'], JSON_THROW_ON_ERROR),
                ]);
                echo curl_exec($handle);
            }
        };
    }
});
