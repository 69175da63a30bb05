<?php

return ['driver' => 'file', 'lifetime' => 120, 'files' => storage_path('framework/sessions'), 'lottery' => [2, 100], 'cookie' => 'example', 'path' => '/', 'http_only' => true, 'same_site' => 'lax', 'expire_on_close' => false, 'encrypt' => false, 'domain' => null, 'secure' => false];
