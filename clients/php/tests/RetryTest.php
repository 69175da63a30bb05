<?php

declare(strict_types=1);

namespace Scenecast\Tests;

use PHPUnit\Framework\TestCase;
use Scenecast\Exception\InvalidResponse;
use Scenecast\Exception\RequestFailed;
use Scenecast\Exception\Unreachable;
use Scenecast\Scenecast;
use Scenecast\Testing\FakeTransport;
use Scenecast\Transport\Request;
use Scenecast\Transport\Response;
use Scenecast\Transport\Transport;

final class RetryTest extends TestCase
{
    private FakeTransport $transport;
    private Scenecast $scenecast;

    protected function setUp(): void
    {
        $this->transport = new FakeTransport();
        $this->scenecast = new Scenecast('https://push.example.com/prefix/', 'the-key', transport: $this->transport);
    }

    public function testAPushIsTriedAgainWithTheSameBytes(): void
    {
        $this->transport->answer(new Unreachable('no answer'));
        $slow = new class ($this->transport) implements Transport { // a clock can have steps of a millisecond
            public function __construct(private readonly Transport $transport)
            {
            }

            public function send(Request $request): Response
            {
                usleep(5_000);
                return $this->transport->send($request);
            }
        };
        $scenecast = new Scenecast('https://push.example.com/prefix/', 'the-key', transport: $slow);
        $this->assertSame(1, $scenecast->to(['page' => 'home'])->push('hello')->matched);
        [$first, $second] = $this->transport->requests;
        $this->assertSame($first->body, $second->body);
        $this->assertMatchesRegularExpression('{^\{"to":\{"page":"home"\},"message":"hello","id":"[0-9a-f]{32}"\}$}', $first->body);
        $this->assertSame('https://push.example.com/prefix/v1/push', $first->url);
        $this->assertSame('Bearer the-key', $first->headers['Authorization']);
        $this->assertLessThan($first->timeout, $second->timeout);
    }

    public function testATriggerIsTriedAgainWithTheSameKey(): void
    {
        $this->transport->answer(new Response(504, '{"status":504,"kind":"uncertain"}'));
        $this->scenecast->trigger('a/b', ['n' => 1]);
        [$first, $second] = $this->transport->requests;
        $this->assertSame($first->headers['Idempotency-Key'], $second->headers['Idempotency-Key']);
        $this->assertSame('https://push.example.com/prefix/v1/triggers/a%2Fb', $second->url);
    }

    public function testTheLanguageIsAskedFor(): void
    {
        $this->scenecast->to('*')->push(1);
        $this->assertArrayNotHasKey('Accept-Language', $this->transport->requests[0]->headers);
        (new Scenecast('https://push.example.com', 'key', transport: $this->transport, language: 'zh-CN'))->to('*')->push(1);
        $this->assertSame('zh-CN', $this->transport->requests[1]->headers['Accept-Language']);
    }

    public function testItIsTriedTwiceAndNoMore(): void
    {
        $this->transport->answer(new Response(503, '{"status":503,"kind":"unavailable","detail":"draining"}', 7))->answer(new Response(502, '<html>', 3));
        try {
            $this->scenecast->to('*')->push(1);
            $this->fail('there was no answer');
        } catch (RequestFailed $e) {
            $this->assertSame([502, '', 3], [$e->status, $e->kind, $e->retryAfter]);
        }
        $this->assertCount(2, $this->transport->requests);
    }

    public function testWhatIsRefusedOrMayNotBeDoneTwiceIsNotTriedAgain(): void
    {
        $this->transport->answer(new Response(429, '{"status":429,"kind":"too_many"}', 1));
        $this->transport->answer(new Unreachable('no answer'));
        foreach ([RequestFailed::class => fn () => $this->scenecast->to('*')->push(1), Unreachable::class => fn () => $this->scenecast->disconnect('*')] as $class => $call) {
            try {
                $call();
                $this->fail('there was an answer');
            } catch (RequestFailed | Unreachable $e) {
                $this->assertInstanceOf($class, $e);
            }
        }
        $this->assertCount(2, $this->transport->requests);
    }

    public function testAnAnswerOfSomethingElse(): void
    {
        $this->transport->answer(new Response(200, '<html>It works!</html>'));
        $this->expectException(InvalidResponse::class);
        $this->scenecast->to('*')->push(1);
    }

    public function testAReceiptHasItsTimeBesides(): void
    {
        $this->scenecast->to('*')->acked('1m30s')->push(1);
        $this->scenecast->to('*')->written(1.25)->push(1);
        $this->scenecast->to('*')->push(1);
        $times = array_map(fn ($request) => round($request->timeout), $this->transport->requests);
        $this->assertSame([92.0, 3.0, 2.0], $times);
        $this->assertSame('1250ms', $this->transport->pushes()[1]['timeout']);
    }

    public function testPushesAreValues(): void
    {
        $push = $this->scenecast->to(['page' => 'home']);
        $push->ttl(90)->except('plan == "pro"')->push(['a' => 1.0, 'url' => 'https://例']);
        $push->push(null);
        $this->assertSame(['to', 'ttl', 'except', 'message', 'id'], array_keys($this->transport->pushes()[0]));
        $this->assertSame(['to', 'message', 'id'], array_keys($this->transport->pushes()[1]));
        $this->assertStringContainsString('{"a":1.0,"url":"https://例"}', $this->transport->requests[0]->body);
    }
}
