<?php

declare(strict_types=1);

namespace Scenecast\Laravel\Facades;

use Illuminate\Support\Facades\Facade;
use Scenecast\Laravel\Testing\ScenecastFake;
use Scenecast\Scenecast as Client;

/**
 * @method static \Scenecast\Push to(array|string $audience)
 * @method static \Scenecast\Push toEverybody()
 * @method static \Scenecast\Push toUser(string|int $user)
 * @method static array batch(array $pushes)
 * @method static \Scenecast\PushResult trigger(string $name, array $parameters = [], ?string $idempotencyKey = null)
 * @method static \Scenecast\Audience audience(array|string $to, array|string|null $except = null, int $sample = 0)
 * @method static \Generator connections(array|string $to = '*', int $limit = 1000)
 * @method static \Scenecast\Connection|null connection(string $id)
 * @method static array values(string $key, array|string $to = '*', int $limit = 100)
 * @method static int label(array|string $to, array $set = [], array $remove = [])
 * @method static int disconnect(array|string $to, int $code = 1000, string $reason = '')
 * @method static int revokeUser(string|int $user, ?\DateTimeInterface $before = null)
 * @method static int revokeToken(string $jti)
 * @method static int revokeAudience(array|string $to, ?\DateTimeInterface $before = null)
 * @method static \Scenecast\Presence presence(string $key, string|int $value, int $limit = 1000)
 * @method static \Generator scenes(string $key, int $limit = 1000)
 * @method static array|null pushed(string $id)
 * @method static array nodes()
 * @method static void checkReady()
 * @method static array call(string $method, string $path, mixed $body = null, array $query = [], array $headers = [], float $wait = 0.0, bool $retry = false)
 *
 * @see Client
 */
final class Scenecast extends Facade
{
    /** Has nothing be sent from now on. What would be is kept, and can be asserted. */
    public static function fake(): ScenecastFake
    {
        $fake = new ScenecastFake();
        self::$app->instance(Client::class, $fake->client);
        self::$resolvedInstance[Client::class] = $fake;
        return $fake;
    }

    protected static function getFacadeAccessor(): string
    {
        return Client::class;
    }
}
