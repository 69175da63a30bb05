<?php

declare(strict_types=1);

namespace Scenecast\Tests\Laravel;

use Illuminate\Auth\GenericUser;
use Illuminate\Config\Repository;
use Illuminate\Contracts\Console\Kernel;
use Illuminate\Contracts\Debug\ExceptionHandler;
use Illuminate\Foundation\Application;
use Illuminate\Http\Request;
use Illuminate\Support\Facades\Facade;
use Scenecast\Laravel\PageTokens;
use Scenecast\Laravel\ScenecastServiceProvider;
use Scenecast\Tests\Server;
use Scenecast\Tests\ServerTestCase;
use Symfony\Component\HttpFoundation\Response;

/** A test of the Laravel package, in an application that has the package and little else, against the real server. */
abstract class LaravelTestCase extends ServerTestCase
{
    protected Application $app;
    private string $folder;

    public static function setUpBeforeClass(): void
    {
        error_reporting(E_ALL & ~E_DEPRECATED); // Debian's Laravel 8 is older than its PHP
        if (!class_exists(Application::class)) {
            self::markTestSkipped('there is no Laravel');
        }
    }

    protected function setUp(): void
    {
        parent::setUp();
        $this->folder = sys_get_temp_dir() . '/scenecast-laravel-' . bin2hex(random_bytes(6));
        foreach (['config', 'views', 'storage', 'bootstrap/cache'] as $part) {
            mkdir("$this->folder/$part", 0o700, true);
        }
        $this->app = new Application($this->folder);
        $this->app->instance('config', new Repository([
            'app' => ['providers' => [], 'aliases' => [], 'key' => str_repeat('k', 32), 'cipher' => 'AES-256-CBC', 'debug' => true, 'locale' => 'en', 'fallback_locale' => 'en'],
            'broadcasting' => ['default' => 'scenecast', 'connections' => ['scenecast' => ['driver' => 'scenecast']]],
            'queue' => ['default' => 'sync', 'connections' => ['sync' => ['driver' => 'sync']]],
            'view' => ['paths' => ["$this->folder/views"], 'compiled' => "$this->folder/storage"],
            'logging' => ['default' => 'null', 'channels' => ['null' => ['driver' => 'monolog', 'handler' => \Monolog\Handler\NullHandler::class]]],
            'scenecast' => [
                'url' => $this->server->url, 'key' => Server::KEY, 'public_url' => 'https://push.example.com/live/', 'timeout' => 60, 'token' => ['secret' => Server::SECRET],
                'token_middleware' => [],
            ],
        ]));
        Facade::clearResolvedInstances();
        Facade::setFacadeApplication($this->app);
        $this->app->instance('request', Request::create('http://app.test/'));
        $this->app->singleton(Kernel::class, fn () => new class ($this->app, $this->app->make('events')) extends \Illuminate\Foundation\Console\Kernel {
            protected $bootstrappers = [];
            protected $commands = [\Illuminate\Foundation\Console\VendorPublishCommand::class];
        });
        $this->app->singleton(ExceptionHandler::class, \Illuminate\Foundation\Exceptions\Handler::class);
        foreach ([
            \Illuminate\Filesystem\FilesystemServiceProvider::class,
            \Illuminate\View\ViewServiceProvider::class,
            \Illuminate\Bus\BusServiceProvider::class,
            \Illuminate\Queue\QueueServiceProvider::class,
            \Illuminate\Broadcasting\BroadcastServiceProvider::class,
            \Illuminate\Notifications\NotificationServiceProvider::class,
            ScenecastServiceProvider::class,
        ] as $provider) {
            $this->app->register($provider);
        }
        $this->app->boot();
    }

    protected function tearDown(): void
    {
        PageTokens::labelsUsing(null);
        (new \Illuminate\Filesystem\Filesystem())->deleteDirectory($this->folder);
        Facade::clearResolvedInstances();
        parent::tearDown();
    }

    /** A request of a user who is logged in, or of nobody. @param array<string, mixed> $parameters */
    protected function request(string $method, string $path, array $parameters = [], ?string $user = null): Request
    {
        $request = Request::create("http://app.test$path", $method, $parameters);
        $request->setUserResolver(fn () => $user === null ? null : new GenericUser(['id' => $user, 'plan' => 'pro']));
        $this->app->instance('request', $request);
        return $request;
    }

    /** What a route of the application answers. @param array<string, mixed> $parameters */
    protected function answer(string $path, array $parameters = [], ?string $user = null): Response
    {
        return $this->app->make('router')->dispatch($this->request('GET', $path, $parameters, $user));
    }

    /** The claims of a token. @return array<string, mixed> */
    protected static function claims(string $token): array
    {
        return json_decode(base64_decode(strtr(explode('.', $token)[1], '-_', '+/')), true);
    }

    /** Runs an artisan command. @param array<string, mixed> $arguments @return array{int, string} its exit code, and what it prints */
    protected function artisan(string $command, array $arguments = []): array
    {
        $code = $this->app->make(Kernel::class)->call($command, $arguments);
        return [$code, $this->app->make(Kernel::class)->output()];
    }

    protected function folder(string $path): string
    {
        return "$this->folder/$path";
    }
}
