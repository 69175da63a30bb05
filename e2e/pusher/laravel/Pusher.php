<?php

// The methods of pusher/pusher-php-server that Laravel's broadcaster calls, by the signatures of its version 7, for tests where Packagist is not
// reachable.

namespace Pusher;

class PusherException extends \Exception
{
}

class ApiErrorException extends PusherException
{
}

class Pusher
{
    private string $base;

    public function __construct(private string $key, private string $secret, private string $appId, array $options = [])
    {
        $scheme = $options['scheme'] ?? (($options['useTLS'] ?? true) ? 'https' : 'http');
        $this->base = $scheme.'://'.$options['host'].':'.$options['port'].($options['path'] ?? '');
    }

    public function trigger($channels, string $event, $data, array $params = [], bool $already_encoded = false): object
    {
        $body = ['name' => $event, 'data' => $already_encoded ? $data : json_encode($data), 'channels' => array_values((array) $channels)];

        return $this->post('/apps/'.$this->appId.'/events', json_encode($body + $params));
    }

    public function socket_auth(string $channel, string $socket_id, ?string $custom_data = null): string
    {
        return $this->authorizeChannel($channel, $socket_id, $custom_data);
    }

    public function authorizeChannel(string $channel, string $socket_id, ?string $custom_data = null): string
    {
        $signed = $custom_data === null ? "$socket_id:$channel" : "$socket_id:$channel:$custom_data";
        $answer = ['auth' => $this->key.':'.hash_hmac('sha256', $signed, $this->secret)];

        return json_encode($custom_data === null ? $answer : $answer + ['channel_data' => $custom_data], JSON_UNESCAPED_SLASHES);
    }

    public function presence_auth(string $channel, string $socket_id, string $user_id, $user_info = null): string
    {
        return $this->authorizePresenceChannel($channel, $socket_id, $user_id, $user_info);
    }

    public function authorizePresenceChannel(string $channel, string $socket_id, string $user_id, $user_info = null): string
    {
        return $this->authorizeChannel($channel, $socket_id, json_encode(['user_id' => $user_id] + ($user_info ? ['user_info' => $user_info] : [])));
    }

    private function post(string $path, string $body): object
    {
        $params = [
            'auth_key' => $this->key, 'auth_timestamp' => time(), 'auth_version' => '1.0', 'body_md5' => md5($body),
        ];
        $query = http_build_query($params);
        $query .= '&auth_signature='.hash_hmac('sha256', "POST\n$path\n$query", $this->secret);
        $context = stream_context_create(['http' => [
            'method' => 'POST', 'header' => "Content-Type: application/json\r\n", 'content' => $body, 'ignore_errors' => true, 'timeout' => 20,
        ]]);
        $answer = file_get_contents("$this->base$path?$query", false, $context);
        $status = (int) explode(' ', $http_response_header[0] ?? ' 0')[1];
        if ($answer === false || $status !== 200) {
            throw new ApiErrorException("$status $answer", $status);
        }

        return json_decode($answer);
    }
}
