<?php

declare(strict_types=1);

namespace Scenecast\Tests\Laravel;

use Illuminate\Broadcasting\BroadcastException;
use Illuminate\Broadcasting\Channel;
use Illuminate\Broadcasting\InteractsWithSockets;
use Illuminate\Broadcasting\PrivateChannel;
use Illuminate\Contracts\Broadcasting\ShouldBroadcastNow;
use Illuminate\Support\Facades\Broadcast;
use Scenecast\Laravel\AudienceChannel;
use Scenecast\Laravel\PageTokens;
use Symfony\Component\HttpKernel\Exception\AccessDeniedHttpException;

final class BroadcastTest extends LaravelTestCase
{
    public function testReachesChannelsAndAudiences(): void
    {
        $tokens = $this->app->make(PageTokens::class);
        $private = $this->page(['page' => 'order'], $tokens->make(null, channels: ['private-orders.7', 'news']));
        $order = $this->page(['order' => '7']);
        $nobody = $this->page(['order' => '8']);

        event(new OrderShipped(7, [new PrivateChannel('orders.7'), new AudienceChannel(['order' => 7])]));
        event(new OrderShipped(7, [new Channel('news')]));
        $this->scenecast->toEverybody()->push('end');

        $this->assertSame([['order' => 7], ['order' => 7], 'end'], [$private->next(), $private->next(), $private->next()]);
        $this->assertSame([['order' => 7], 'end'], [$order->next(), $order->next()]);
        $this->assertSame('end', $nobody->next());
    }

    public function testToOthers(): void
    {
        $one = $this->page(['order' => '7']);
        $id = $this->scenecast->audience('*', sample: 1)->sample[0]->id;
        $other = $this->page(['order' => '7']);
        foreach ([$id, $this->scenecast->connection($id)->label('@page')] as $socket) {
            $event = new OrderShipped(7, [new AudienceChannel(['order' => 7])]);
            $event->socket = $socket;
            event($event);
        }
        $this->scenecast->toEverybody()->push('end');
        $this->assertSame('end', $one->next());
        $this->assertSame([['order' => 7], ['order' => 7], 'end'], [$other->next(), $other->next(), $other->next()]);
    }

    public function testWhatIsNoPageKeepsTheEventFromNobody(): void
    {
        $page = $this->page(['order' => '7']);
        foreach (["\xff", str_repeat('x', 65), str_repeat('9', 20) . '.1', '1.1 || true', "1.1\n"] as $socket) {
            $event = new OrderShipped(7, [new AudienceChannel(['order' => 7])]);
            $event->socket = $socket;
            event($event);
            $this->assertSame(['order' => 7], $page->next());
        }
    }

    public function testAFailureIsABroadcastException(): void
    {
        try {
            event(new OrderShipped(7, [new AudienceChannel('order = 7')]));
            $this->fail('a misspelt audience is broadcast to');
        } catch (BroadcastException $e) {
            $this->assertStringContainsString('equality is written ==', $e->getMessage());
        }
        $this->app->make('config')->set('scenecast.url', 'http://127.0.0.1:1');
        $this->app->forgetInstance(\Scenecast\Scenecast::class);
        $this->expectException(BroadcastException::class);
        event(new OrderShipped(7, [new Channel('news')]));
    }

    public function testChannelsAreGrantedByRoutes(): void
    {
        Broadcast::channel('orders.{order}', fn ($user, $order) => (int) $order < 100 ? ['id' => $user->getAuthIdentifier()] : false);
        PageTokens::labelsUsing(fn ($user) => ['plan' => $user->plan]);
        $ask = fn (array $parameters, ?string $user) => Broadcast::auth($this->request('POST', '/broadcasting/auth', $parameters, $user));

        $granted = $ask(['channel_name' => 'private-orders.7'], 'ann');
        $this->assertSame(['private-orders.7'], $granted['channels']);
        $claims = self::claims($granted['token']);
        $this->assertSame(['ann', ['plan' => 'pro', '@channel' => ['private-orders.7']]], [$claims['sub'], $claims['labels']]);
        $several = $ask(['channels' => ['presence-orders.8', 'news', 'private-orders.9']], 'ann');
        $page = $this->page([], $several['token']);
        event(new OrderShipped(8, [new PrivateChannel('orders.9')]));
        $this->assertSame(['order' => 8], $page->next());
        $this->assertSame(['news'], $ask(['channel_name' => 'news'], null)['channels']);

        foreach ([
            'a private channel of nobody' => [['channel_name' => 'private-orders.7'], null],
            'what the route refuses' => [['channel_name' => 'private-orders.100'], 'ann'],
            'one of several' => [['channels' => ['news', 'private-orders.100']], 'ann'],
            'what no route knows' => [['channel_name' => 'private-other'], 'ann'],
            'no UTF-8' => [['channels' => ["\xff"]], 'ann'],
            'control characters' => [['channels' => ["news\n"]], 'ann'],
            'no text' => [['channels' => [['news']]], 'ann'],
            'too many' => [['channels' => array_fill(0, 33, 'news')], 'ann'],
        ] as $name => [$parameters, $user]) {
            try {
                $ask($parameters, $user);
                $this->fail("$name is granted");
            } catch (AccessDeniedHttpException) {
                $this->addToAssertionCount(1);
            }
        }
    }
}

final class OrderShipped implements ShouldBroadcastNow
{
    use InteractsWithSockets;

    /** @param array<mixed> $channels */
    public function __construct(private readonly int $order, private readonly array $channels)
    {
    }

    /** @return array<mixed> */
    public function broadcastOn(): array
    {
        return $this->channels;
    }

    public function broadcastAs(): string
    {
        return 'order.shipped';
    }

    /** @return array<string, mixed> */
    public function broadcastWith(): array
    {
        return ['order' => $this->order];
    }
}
