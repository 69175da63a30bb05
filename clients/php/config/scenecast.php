<?php

return [
    // Where the server is for this backend, and an API key of its setting api_keys.
    'url' => env('SCENECAST_URL', 'http://127.0.0.1:9502'),
    'key' => env('SCENECAST_KEY'),

    // Where the server is for browsers, with the path prefix of a proxy. Left out, it is the url.
    'public_url' => env('SCENECAST_PUBLIC_URL'),

    // Seconds that a call may take in all, and that it may take to connect.
    'timeout' => (float) env('SCENECAST_TIMEOUT', 2.0),
    'connect_timeout' => (float) env('SCENECAST_CONNECT_TIMEOUT', 0.5),

    // In which language the server says what is wrong: 'zh-CN' or 'en'. null: English.
    'language' => env('SCENECAST_LANGUAGE'),

    // Who pages are. With a secret or a key that the server knows by its setting jwt, each page gets a token of its own, for its user.
    // Without, all pages share one of the server's setting client_tokens, and are nobody.
    'token' => [
        'static' => env('SCENECAST_CLIENT_TOKEN'),
        'algorithm' => env('SCENECAST_JWT_ALGORITHM', 'HS256'), // HS256, RS256, ES256
        'secret' => env('SCENECAST_JWT_SECRET'),                // of HS256
        'private_key' => env('SCENECAST_JWT_PRIVATE_KEY'),      // of RS256 and ES256: a path
        'key_id' => env('SCENECAST_JWT_KEY_ID'),
        'issuer' => env('SCENECAST_JWT_ISSUER'),
        'audience' => env('SCENECAST_JWT_AUDIENCE'),
        'lifetime' => (int) env('SCENECAST_JWT_LIFETIME', 3600), // seconds; at most the server's jwt.max_lifetime
        'may_set' => null,                                       // keys of labels that pages may set; null: what the server's labels.client says
    ],

    // Where pages get the next token, when theirs is about to end. null: there is no such route.
    'token_path' => 'scenecast/token',
    'token_middleware' => ['web'],
];
