<?php

declare(strict_types=1);

namespace Scenecast\Tests;

use Scenecast\Exception\RequestFailed;
use Scenecast\Exception\Unreachable;
use Scenecast\PushResult;
use Scenecast\Scenecast;

final class PushTest extends ServerTestCase
{
    public function testReachesTheAudienceAlone(): void
    {
        $home = $this->page(['page' => 'home']);
        $list = $this->page(['page' => 'list']);

        $result = $this->scenecast->to(['page' => 'home'])->push(['code' => 200, 'message' => '后端触发了按钮 1']);
        $this->assertSame([1, 1, 0], [$result->matched, $result->queued, $result->dropped]);
        $this->assertMatchesRegularExpression('/^[0-9a-f]{32}$/', $result->id);
        $this->assertNull($result->written);
        $this->scenecast->to('page in ["home", "list"]')->push('both');

        $this->assertSame(['code' => 200, 'message' => '后端触发了按钮 1'], $home->next());
        $this->assertSame('both', $home->next());
        $this->assertSame('both', $list->next());
    }

    public function testCounts(): void
    {
        $this->page(['page' => 'home', 'n' => '1']);
        $this->page(['page' => 'home', 'n' => '2']);
        $this->assertSame(2, $this->scenecast->to(['page' => 'home'])->count());
        $this->assertSame(2, $this->scenecast->to(['n' => [1, 2]])->count());
        $this->assertSame(1, $this->scenecast->to('*')->except(['n' => 1])->count());
        $this->assertSame(0, $this->scenecast->toUser(42)->count());
    }

    public function testWaitsForReceipts(): void
    {
        $page = $this->page(['page' => 'home']);
        $result = $this->scenecast->to(['page' => 'home'])->acked(30)->push(1);
        $this->assertSame([1, 1, 0], [$result->written, $result->acked, $result->timedOut]);
        $this->assertSame(1, $page->next());
        $this->assertSame(1, $this->scenecast->to('*')->receipt('written', '30s')->push(2)->written);
    }

    public function testPushesOfOneIdAreOne(): void
    {
        $page = $this->page(['page' => 'home']);
        $push = $this->scenecast->to('*')->id(Scenecast::newId());
        $this->assertFalse($push->push('once')->replayed);
        $this->assertTrue($push->push('once')->replayed);
        $this->scenecast->to('*')->push('then');
        $this->assertSame(['once', 'then'], [$page->next(), $page->next()]);
        try {
            $push->push('another');
            $this->fail('another message with the id is taken');
        } catch (RequestFailed $e) {
            $this->assertSame(['conflict', 409], [$e->kind, $e->status]);
        }
    }

    public function testSomebodyWhoComesLaterGetsWhatLasts(): void
    {
        $id = $this->scenecast->to(['page' => 'later'])->retain('news', 60)->event('news')->push('old')->id;
        $this->scenecast->to(['page' => 'later'])->retain('news', new \DateInterval('PT1M'))->push('new');
        $this->assertSame('new', $this->page(['page' => 'later'])->next());
        $pushed = $this->scenecast->pushed($id);
        $this->assertSame(['old', 'news', '1m0s'], [$pushed['message'], $pushed['event'], $pushed['ttl']]);
        $this->assertNull($this->scenecast->pushed('was-never-sent'));
    }

    public function testABatchGoesOnBehindARefusal(): void
    {
        $page = $this->page(['page' => 'home']);
        $answers = $this->scenecast->batch([
            $this->scenecast->to('*')->message('one'),
            $this->scenecast->to('page = "home"')->message('two'),
            $this->scenecast->to('*')->coalesce('k')->message('three'),
        ]);
        $this->assertInstanceOf(PushResult::class, $answers[0]);
        $this->assertInstanceOf(RequestFailed::class, $answers[1]);
        $this->assertSame(['invalid', 400], [$answers[1]->kind, $answers[1]->status]);
        $this->assertInstanceOf(PushResult::class, $answers[2]);
        $this->assertSame(['one', 'three'], [$page->next(), $page->next()]);
    }

    public function testRunsTriggers(): void
    {
        $page = $this->page(['order' => '7']);
        $this->assertSame(1, $this->scenecast->trigger('orderShipped', ['order' => 7])->matched);
        $this->assertSame('shipped', $page->next()['message']);
        try {
            $this->scenecast->trigger('orderShipped');
            $this->fail('a trigger runs without its parameter');
        } catch (RequestFailed $e) {
            $this->assertSame([400, 'invalid', 'order'], [$e->status, $e->kind, $e->where]);
        }
    }

    public function testARefusalSaysWhatWhereAndWhichSetting(): void
    {
        try {
            $this->scenecast->to('page = "home"')->push(1);
            $this->fail('a misspelt audience is taken');
        } catch (RequestFailed $e) {
            $this->assertSame([400, 'invalid', 'to.column 6', ''], [$e->status, $e->kind, $e->where, $e->setting]);
            $this->assertSame('expected ==, !=, in, or .startsWith after page, found =; equality is written == (at to.column 6)', $e->getMessage());
        }
        try {
            (new Scenecast($this->server->url, Server::NARROW_KEY, timeout: 60))->audience('*');
            $this->fail('a key without the scope is let in');
        } catch (RequestFailed $e) {
            $this->assertSame([403, 'forbidden', 'api_keys'], [$e->status, $e->kind, $e->setting]);
            $this->assertStringNotContainsString(Server::NARROW_KEY, (string) $e);
        }
    }

    public function testNobodyAtTheAddress(): void
    {
        $socket = stream_socket_server('tcp://127.0.0.1:0');
        $address = stream_socket_get_name($socket, false);
        fclose($socket);
        $this->expectException(Unreachable::class);
        (new Scenecast("http://$address", Server::KEY))->to('*')->push(1);
    }

    public function testMistakesOfTheCallerAreToldBeforeAnythingIsSent(): void
    {
        $nobody = fn (): Scenecast => new Scenecast('http://127.0.0.1:1', 'k');
        foreach ([
            'an audience of nothing' => fn () => $nobody()->to([])->push(1),
            'a label that is no text' => fn () => $nobody()->to(['a' => 1.5])->push(1),
            'lists of lists' => fn () => $nobody()->to(['a' => [['b']]])->push(1),
            'text that is no UTF-8' => fn () => $nobody()->to('*')->push("\xff"),
            'a batch without a message' => fn () => $nobody()->batch([$nobody()->to('*')]),
            'time that runs back' => fn () => $nobody()->to('*')->ttl(-1),
            'a URL of something else' => fn () => new Scenecast('ftp://example.com', 'k'),
            'a URL with a password' => fn () => new Scenecast('https://me:secret@example.com', 'k'),
            'no key' => fn () => new Scenecast('http://example.com', ''),
            'a key of two lines' => fn () => new Scenecast('http://example.com', "k\r\nX-Header: v"),
            'no time' => fn () => new Scenecast('http://example.com', 'k', timeout: 0),
        ] as $name => $mistake) {
            try {
                $mistake();
                $this->fail("$name is taken");
            } catch (\InvalidArgumentException $e) {
                $this->assertNotSame('', $e->getMessage(), $name);
            }
        }
    }
}
