<?php

declare(strict_types=1);

namespace Scenecast\Tests;

use Scenecast\Connection;
use Scenecast\PageToken;
use Scenecast\Scene;

final class QueriesTest extends ServerTestCase
{
    public function testListsConnections(): void
    {
        foreach (['1', '2', '3'] as $n) {
            $this->page(['page' => 'list', 'n' => $n]);
        }
        $all = iterator_to_array($this->scenecast->connections(['page' => 'list'], limit: 2), false);
        $this->assertEqualsCanonicalizing(['1', '2', '3'], array_map(fn (Connection $c) => $c->label('n'), $all));
        $this->assertEquals($all[1], $this->scenecast->connection($all[1]->id));
        $this->assertNull($this->scenecast->connection('1.999999'));
        $this->assertSame(['list' => 3], $this->scenecast->values('page'));
        $audience = $this->scenecast->audience('*', except: ['n' => ['1', '3']], sample: 5);
        $this->assertSame([1, 1, 1, 1], [$audience->matched, count($audience->sample), $audience->nodes, $audience->nodesKnown]);
        $this->assertSame('2', $audience->sample[0]->label('n'));
        $this->assertSame([1], array_values($audience->byNode));
    }

    public function testChangesLabels(): void
    {
        $page = $this->page(['page' => 'list']);
        $this->assertSame(1, $this->scenecast->label(['page' => 'list'], set: ['tag' => ['vip', 'cn'], 'n' => 7]));
        $this->scenecast->to(['tag' => 'vip', 'n' => 7])->push('to the vip');
        $this->assertSame('to the vip', $page->next());
        $this->assertSame(1, $this->scenecast->label('tag == "vip"', remove: ['tag']));
        $this->assertSame(0, $this->scenecast->to(['tag' => 'vip'])->count());
    }

    public function testKnowsWhoIsThere(): void
    {
        $token = PageToken::hs256(Server::SECRET)->user('ann');
        $this->page(['order' => '70'], $token->sign());
        $this->page(['order' => '70'], $token->sign());
        $this->page(['order' => '70']);
        $this->await(fn (): bool => $this->scenecast->presence('order', 70)->connections === 3);
        $presence = $this->scenecast->presence('order', 70);
        $this->assertSame([1, 1, 3, ['ann']], [$presence->count, $presence->anonymous, $presence->connections, $presence->users()]);
        $this->assertTrue($presence->has('ann'));
        $this->assertSame(2, $presence->members[0]->connections);
        $this->assertEqualsWithDelta(time(), $presence->members[0]->since->getTimestamp(), 120);
        $scenes = iterator_to_array($this->scenecast->scenes('order'), false); // those of other tests may be among them
        $this->assertContainsEquals(new Scene('70', 1, 1, 3), $scenes);
    }

    public function testDisconnectsAndRevokes(): void
    {
        $this->page(['page' => 'home'], PageToken::hs256(Server::SECRET)->user(42)->id('one')->sign());
        $this->assertSame(1, $this->scenecast->revokeToken('one'));
        $this->await(fn () => $this->scenecast->to('*')->count() === 0);
        $this->page(['page' => 'home'], PageToken::hs256(Server::SECRET)->user(43)->sign());
        $this->assertSame(1, $this->scenecast->revokeUser(43, new \DateTimeImmutable('+1 second')));
        $this->page(['page' => 'home'], PageToken::hs256(Server::SECRET)->user(44)->labels(['plan' => 'trial'])->sign());
        $this->assertSame(1, $this->scenecast->revokeAudience(['plan' => 'trial'], new \DateTimeImmutable('+1 second')));
        $this->page(['page' => 'home']);
        $this->assertSame(1, $this->scenecast->disconnect(['page' => 'home'], 4403, 'logged out'));
    }

    public function testTellsOfTheServer(): void
    {
        $this->scenecast->checkReady();
        $this->assertTrue($this->scenecast->nodes()[0]['self']);
    }
}
