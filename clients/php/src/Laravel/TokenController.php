<?php

declare(strict_types=1);

namespace Scenecast\Laravel;

use Illuminate\Http\JsonResponse;
use Illuminate\Http\Request;

/** Gives a page the next token, when the one that it has is about to end. */
final class TokenController
{
    public function __invoke(Request $request, ScenecastBroadcaster $broadcaster): JsonResponse
    {
        return (new JsonResponse($broadcaster->tokenFor($request, $request->query('channels', []))))->header('Cache-Control', 'no-store');
    }
}
