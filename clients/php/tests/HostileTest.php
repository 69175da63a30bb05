<?php

declare(strict_types=1);

namespace Scenecast\Tests;

use PHPUnit\Framework\TestCase;
use Scenecast\Exception\InvalidResponse;
use Scenecast\Exception\RequestFailed;
use Scenecast\Exception\ScenecastException;
use Scenecast\Scenecast;
use Scenecast\Testing\FakeTransport;
use Scenecast\Transport\Response;

/** Whatever answers in the place of a Scenecast server: what is thrown is a ScenecastException, and nothing else. */
final class HostileTest extends TestCase
{
    /** @return array<string, array{\Closure(Scenecast): mixed}> */
    public static function calls(): array
    {
        return [
            'push' => [static fn (Scenecast $s) => $s->to('*')->push(1)],
            'count' => [static fn (Scenecast $s) => $s->to('*')->count()],
            'batch' => [static fn (Scenecast $s) => $s->batch([$s->to('*')->message(1)])],
            'trigger' => [static fn (Scenecast $s) => $s->trigger('x')],
            'audience' => [static fn (Scenecast $s) => $s->audience('*', sample: 1)],
            'connections' => [static fn (Scenecast $s) => iterator_to_array($s->connections(), false)],
            'connection' => [static fn (Scenecast $s) => $s->connection('1.1')],
            'values' => [static fn (Scenecast $s) => $s->values('page')],
            'label' => [static fn (Scenecast $s) => $s->label('*', ['a' => 'b'])],
            'disconnect' => [static fn (Scenecast $s) => $s->disconnect('*')],
            'revokeUser' => [static fn (Scenecast $s) => $s->revokeUser(1)],
            'presence' => [static fn (Scenecast $s) => $s->presence('page', 'x')],
            'scenes' => [static fn (Scenecast $s) => iterator_to_array($s->scenes('page'), false)],
            'nodes' => [static fn (Scenecast $s) => $s->nodes()],
        ];
    }

    /** @dataProvider calls */
    public function testAnswersOfOtherTypes(\Closure $call): void
    {
        $all = ['id', 'key', 'value', 'position', 'matched', 'changed', 'connections', 'sample', 'by_node', 'values', 'members', 'scenes', 'nodes', 'next', 'since', 'user', 'status', 'labels'];
        foreach (['x', 1.5, true, ['x'], [[]], ['a' => ['b' => ['c']]], [['id' => 1, 'labels' => 'x']], [['user' => 'u', 'since' => 'garbage', 'value' => 1]]] as $value) {
            $object = array_fill_keys($all, $value);
            foreach ([$object, [$object], [$value]] as $answer) {
                $this->assertAnswered($call, (string) json_encode($answer));
            }
        }
        foreach (['', 'null', '1', '"x"', '<html>', '{}', '[]', '[1]', str_repeat('[', 600), "\xff"] as $body) {
            $this->assertAnswered($call, $body);
        }
    }

    private function assertAnswered(\Closure $call, string $body): void
    {
        $scenecast = new Scenecast('http://scenecast.test', 'the-secret', transport: (new FakeTransport())->answer(new Response(200, $body)));
        try {
            $call($scenecast);
        } catch (ScenecastException $e) {
            $this->assertStringNotContainsString('the-secret', $e->getMessage());
        }
        $this->addToAssertionCount(1); // nothing else was thrown
    }

    public function testAnAnswerThatDoesNotSayWhatBecameOfAPush(): void
    {
        $scenecast = new Scenecast('http://scenecast.test', 'key', transport: (new FakeTransport())->answer(new Response(200, '{"ok":true}')));
        $this->expectException(InvalidResponse::class);
        $scenecast->to('*')->push(1);
    }

    public function testAListWithoutAnEnd(): void
    {
        $transport = new FakeTransport();
        for ($i = 0; $i < 3; $i++) {
            $transport->answer(new Response(200, '{"connections":[],"next":"1.1"}'));
        }
        $this->expectException(InvalidResponse::class);
        iterator_to_array((new Scenecast('http://scenecast.test', 'key', transport: $transport))->connections());
    }

    public function testHeadersStayHeaders(): void
    {
        $transport = new FakeTransport();
        try {
            (new Scenecast('http://scenecast.test', 'key', transport: $transport))->trigger('x', [], "a\r\nX-Other: b");
            $this->fail('a header was made by a value');
        } catch (\InvalidArgumentException $e) {
            $this->assertSame('the header Idempotency-Key has control characters', $e->getMessage());
        }
        $this->assertSame([], $transport->requests);
    }

    public function testTheFakeAnswersEveryCall(): void
    {
        foreach (self::calls() as [$call]) {
            $call(new Scenecast('http://scenecast.test', 'key', transport: new FakeTransport()));
            $this->addToAssertionCount(1);
        }
    }

    public function testAnAnswerWithoutAnEnd(): void
    {
        [$server, $url] = $this->server('HTTP/1.1 200 OK\r\n\r\n', 'x');
        $before = memory_get_peak_usage();
        try {
            (new Scenecast($url, 'key', timeout: 30))->to('*')->push(1);
            $this->fail('it has had an end');
        } catch (InvalidResponse $e) {
            $this->assertStringContainsString('longer than 32 MiB', $e->getMessage());
        } finally {
            proc_terminate($server);
        }
        $this->assertLessThan(100 << 20, memory_get_peak_usage() - $before);
    }

    public function testRedirectsAreNotFollowed(): void
    {
        [$server, $url] = $this->server('HTTP/1.1 307 Elsewhere\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n', '');
        try {
            (new Scenecast($url, 'key', timeout: 30))->to('*')->push(1);
            $this->fail('there is no answer');
        } catch (RequestFailed $e) {
            $this->assertSame(307, $e->status);
        } finally {
            proc_terminate($server);
        }
    }

    /** A server that answers this to one request, and this again and again, as long as it can. @return array{resource, string} */
    private function server(string $head, string $body): array
    {
        $program = '$s = stream_socket_server("tcp://127.0.0.1:0"); echo stream_socket_get_name($s, false), "\n"; $c = stream_socket_accept($s, 60);'
            . 'fread($c, 65536); fwrite($c, "' . $head . '"); $part = str_repeat("' . $body . '", 1 << 16);'
            . 'while ($part !== "" && @fwrite($c, $part)); fread($c, 1);';
        $server = proc_open([PHP_BINARY, '-r', $program], [1 => ['pipe', 'w']], $pipes);
        return [$server, 'http://' . trim((string) fgets($pipes[1]))];
    }
}
