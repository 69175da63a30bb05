<?php

declare(strict_types=1);

namespace Scenecast\Laravel;

use Illuminate\Broadcasting\BroadcastManager;
use Illuminate\Contracts\Container\Container;
use Illuminate\Contracts\Foundation\CachesRoutes;
use Illuminate\Notifications\ChannelManager;
use Illuminate\Support\ServiceProvider;
use Scenecast\Scenecast;
use Scenecast\Transport\CurlTransport;

/** What Laravel loads of this package. */
final class ScenecastServiceProvider extends ServiceProvider
{
    private const CONFIG = __DIR__ . '/../../config/scenecast.php';

    public function register(): void
    {
        $this->mergeConfigFrom(self::CONFIG, 'scenecast');
        $this->app->singleton(Scenecast::class, static function (Container $app): Scenecast {
            $c = $app->make('config')->get('scenecast');
            if (!$c['key']) {
                throw new \RuntimeException('Scenecast needs an API key: set SCENECAST_KEY, or run artisan scenecast:install');
            }
            return new Scenecast($c['url'], $c['key'], (float) $c['timeout'], new CurlTransport((float) $c['connect_timeout']), $c['language'] ?? null);
        });
        $this->app->singleton(PageTokens::class, static fn (Container $app): PageTokens => new PageTokens((array) $app->make('config')->get('scenecast.token')));
        $this->app->singleton(ScenecastBroadcaster::class, static fn (Container $app): ScenecastBroadcaster => new ScenecastBroadcaster(
            static fn (): Scenecast => $app->make(Scenecast::class),
            static fn (): PageTokens => $app->make(PageTokens::class),
        ));
    }

    public function boot(): void
    {
        $this->callAfterResolving(BroadcastManager::class, function (BroadcastManager $broadcasts): void {
            $broadcasts->extend('scenecast', static fn (Container $app): ScenecastBroadcaster => $app->make(ScenecastBroadcaster::class));
        });
        $this->callAfterResolving(ChannelManager::class, function (ChannelManager $notifications): void {
            $notifications->extend('scenecast', static fn (Container $app): ScenecastChannel => $app->make(ScenecastChannel::class));
        });
        $this->callAfterResolving('blade.compiler', static function ($blade): void {
            $blade->directive('scenecast', static fn (string $arguments): string => "<?php echo app(\\Scenecast\\Laravel\\PageScript::class)->html($arguments); ?>");
        });
        $config = $this->app->make('config');
        if ($config->get('scenecast.token_path') && !($this->app instanceof CachesRoutes && $this->app->routesAreCached())) {
            $this->app->make('router')->get($config->get('scenecast.token_path'), [
                'uses' => TokenController::class . '@__invoke', 'as' => 'scenecast.token', 'middleware' => $config->get('scenecast.token_middleware'),
            ]);
        }
        if ($this->app->runningInConsole()) {
            $this->publishes([self::CONFIG => $this->app->configPath('scenecast.php')], 'scenecast-config');
            $this->commands([Console\InstallCommand::class, Console\PushCommand::class, Console\ListenCommand::class, Console\HealthCommand::class]);
        }
    }
}
