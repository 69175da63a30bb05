<?php

return ['paths' => array_filter([env('EXAMPLE_VIEWS'), resource_path('views')]), 'compiled' => storage_path('framework/views')];
