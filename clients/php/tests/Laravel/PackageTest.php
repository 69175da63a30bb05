<?php

declare(strict_types=1);

namespace Scenecast\Tests\Laravel;

use Illuminate\Auth\GenericUser;
use Illuminate\Notifications\Notifiable;
use Illuminate\Notifications\Notification;
use Illuminate\Support\Facades\Broadcast;
use PHPUnit\Framework\ExpectationFailedException;
use Scenecast\Laravel\Facades\Scenecast;
use Scenecast\Laravel\PageTokens;
use Scenecast\Laravel\ScenecastMessage;

final class PackageTest extends LaravelTestCase
{
    public function testTheFacadePushes(): void
    {
        $page = $this->page(['page' => 'home']);
        $this->assertSame(1, Scenecast::to(['page' => 'home'])->push(['message' => '你好'])->matched);
        $this->assertSame(['message' => '你好'], $page->next());
    }

    public function testTheFakeSendsNothing(): void
    {
        $fake = Scenecast::fake();
        $fake->assertNothingPushed();
        Scenecast::to(['page' => 'home', 'n' => 1])->event('e')->push(['a' => 1]);
        Scenecast::to('*')->count();
        $this->app->make(\Scenecast\Scenecast::class)->to('*')->push('by the container');
        $fake->assertPushedTo(['n' => '1', 'page' => 'home']);
        $fake->assertPushedTo(['page' => 'home', 'n' => 1], ['a' => 1]);
        $fake->assertPushed(fn (array $push): bool => ($push['event'] ?? '') === 'e', times: 1);
        $fake->assertPushedTimes(2);
        foreach ([
            fn () => $fake->assertNothingPushed(),
            fn () => $fake->assertPushedTo(['page' => 'list']),
            fn () => $fake->assertPushedTo(['page' => 'home', 'n' => 1], ['a' => 2]),
            fn () => $fake->assertPushedTimes(1),
        ] as $i => $wrong) {
            try {
                $wrong();
            } catch (ExpectationFailedException) {
                continue;
            }
            $this->fail("assertion $i holds");
        }
    }

    public function testNotifications(): void
    {
        $user = new User(['id' => 'notified']);
        $page = $this->page(['page' => 'home'], $this->app->make(PageTokens::class)->make($user));
        $other = $this->page(['page' => 'home']);
        $user->notify(new InvoicePaid(['invoice' => 1]));
        $user->notify(new InvoicePaid((new ScenecastMessage(['invoice' => 2]))->event('paid')->ttl(60)));
        $user->notify(new InvoicePaid(Scenecast::to(['page' => 'home'])->message(['invoice' => 3])));
        $user->notify(new InvoicePaid(null));
        $this->assertSame([['invoice' => 1], ['invoice' => 2], ['invoice' => 3]], [$page->next(), $page->next(), $page->next()]);
        $this->assertSame(['invoice' => 3], $other->next());
    }

    public function testTheBladeDirectivePrintsAScript(): void
    {
        Broadcast::channel('orders.{order}', fn ($user, $order) => true);
        $this->request('GET', '/', [], 'ann');
        file_put_contents($this->folder('views/home.blade.php'), '<body>@scenecast(["page" => "home", "tag" => ["a", "</script>"]], ["popup" => true, "channels" => ["private-orders.7"], "nonce" => "n\"1"])</body>');
        $html = $this->app->make('view')->make('home')->render();
        $this->assertStringStartsWith('<body><script src="https://push.example.com/live/scenecast.js" nonce="n&quot;1"></script><script nonce="n&quot;1">{let token="', $html);
        $this->assertStringContainsString('"labels":{"page":"home","tag":["a","\u003C\/script\u003E"]}', $html);
        $this->assertStringContainsString('scenecast.on("message",scenecast.popup);', $html);
        $this->assertStringContainsString('fetch("\/scenecast\/token?channels%5B0%5D=private-orders.7",', $html);
        preg_match('/token="([^"]+)"/', $html, $match);
        $this->assertSame(['ann', ['@channel' => ['private-orders.7']]], [self::claims($match[1])['sub'], self::claims($match[1])['labels']]);

        $answer = json_decode($this->answer('/scenecast/token', ['channels' => ['private-orders.7']], 'ann')->getContent(), true);
        $this->assertSame(['private-orders.7'], self::claims($answer['token'])['labels']['@channel']);
        $this->assertSame('ann', self::claims(json_decode($this->answer('/scenecast/token', [], 'ann')->getContent(), true)['token'])['sub']);
        $this->assertArrayNotHasKey('sub', self::claims(json_decode($this->answer('/scenecast/token')->getContent(), true)['token']));
    }

    public function testATokenThatAllShareSaysNothing(): void
    {
        $tokens = new PageTokens(['static' => 'shared']);
        $this->assertSame('shared', $tokens->make(new GenericUser(['id' => 1])));
        foreach ([fn () => $tokens->make(null, channels: ['news']), fn () => (new PageTokens([]))->make(null)] as $make) {
            try {
                $make();
                $this->fail('there is a token');
            } catch (\RuntimeException $e) {
                $this->assertStringContainsString('SCENECAST_JWT_SECRET', $e->getMessage());
            }
        }
    }

    public function testCommands(): void
    {
        $page = $this->page(['page' => 'home']);
        $this->assertMatchesRegularExpression('/^1 pages get it \(push [0-9a-f]{32}\)\n$/', $this->artisan('scenecast:push', ['audience' => 'page == "home"', 'message' => '{"a": 1.0}'])[1]);
        $this->assertSame(['a' => 1.0], $page->next());
        $this->artisan('scenecast:push', ['audience' => '*', 'message' => 'a text']);
        $this->assertSame('a text', $page->next());
        $this->assertSame([0, "1 pages would get it\n"], $this->artisan('scenecast:push', ['audience' => '*', '--dry-run' => true]));
        [$code, $output] = $this->artisan('scenecast:push', ['audience' => 'page = 1', 'message' => '1']);
        $this->assertSame(1, $code);
        $this->assertStringContainsString('equality is written ==', $output);
        $this->assertSame([0, "ok      the server takes pushes\nok      it knows the API key\nok      page tokens can be made\n"], $this->artisan('scenecast:health'));

        $this->scenecast->to(['page' => 'listen'])->ttl(60)->event('news')->push(['n' => 1]);
        $this->scenecast->to(['page' => 'listen'])->ttl(60)->push('2');
        [$code, $output] = $this->artisan('scenecast:listen', ['label' => ['page=listen'], '--count' => '2']);
        $this->assertSame([0, ['"2"', 'news {"n":1}']], [$code, self::sorted(explode("\n", trim($output)))]);
        $this->app->make('config')->set('scenecast.url', $this->server->url . '/nowhere');
        $this->assertSame(1, $this->artisan('scenecast:listen', ['label' => ['page=listen']])[0]);
    }

    /** @param list<string> $lines @return list<string> */
    private static function sorted(array $lines): array
    {
        sort($lines);
        return $lines;
    }

    public function testInstall(): void
    {
        file_put_contents($this->folder('.env'), "APP_NAME=x\nSCENECAST_KEY=mine");
        [$code, $output] = $this->artisan('scenecast:install');
        $env = file_get_contents($this->folder('.env'));
        $this->assertSame(0, $code);
        $this->assertMatchesRegularExpression('~^APP_NAME=x\nSCENECAST_KEY=mine\n\nSCENECAST_URL=http://127.0.0.1:9502\nSCENECAST_JWT_SECRET=[0-9a-f]{64}\n$~', $env);
        $this->assertStringContainsString('BROADCAST_DRIVER=scenecast', $output);
        $this->assertStringNotContainsString(explode('JWT_SECRET=', trim($env))[1], $output);
        $this->assertFileExists($this->folder('config/scenecast.php'));
        $this->artisan('scenecast:install');
        $this->assertSame($env, file_get_contents($this->folder('.env')));
    }
}

final class User extends GenericUser
{
    use Notifiable;

    public function getKey(): string
    {
        return $this->id;
    }
}

final class InvoicePaid extends Notification
{
    public function __construct(private readonly mixed $message)
    {
    }

    /** @return list<string> */
    public function via(): array
    {
        return ['scenecast'];
    }

    public function toScenecast(): mixed
    {
        return $this->message;
    }
}
