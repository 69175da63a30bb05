<?php

declare(strict_types=1);

namespace Scenecast\Testing;

use Scenecast\Exception\ScenecastException;
use Scenecast\Transport\Request;
use Scenecast\Transport\Response;
use Scenecast\Transport\Transport;

/** For tests: keeps what would be sent, and answers as if one page had matched, or what it is told to. */
final class FakeTransport implements Transport
{
    /** @var list<Request> what was sent */
    public array $requests = [];
    /** @var list<Response|ScenecastException> */
    private array $answers = [];

    /** Answers the next request by this, or throws it. */
    public function answer(Response|ScenecastException $answer): self
    {
        $this->answers[] = $answer;
        return $this;
    }

    public function send(Request $request): Response
    {
        $this->requests[] = $request;
        $answer = array_shift($this->answers) ?? $this->taken($request);
        return $answer instanceof Response ? $answer : throw $answer;
    }

    /** @return list<array<string, mixed>> the pushes of all calls, each with its fields as the API takes them */
    public function pushes(): array
    {
        $pushes = [];
        foreach ($this->requests as $request) {
            if ($request->method === 'POST' && str_ends_with($request->url, '/v1/push')) {
                $body = json_decode($request->body, true);
                array_push($pushes, ...(array_is_list($body) ? $body : [$body]));
            }
        }
        return $pushes;
    }

    private function taken(Request $request): Response
    {
        $body = json_decode($request->body, true);
        $one = static fn (mixed $push): array => [
            'id' => $push['id'] ?? 'fake', 'position' => 'fake-1', 'matched' => 1, 'queued' => 1, 'dropped' => 0, 'nodes' => 1, 'nodes_known' => 1,
        ];
        $path = (string) parse_url($request->url, PHP_URL_PATH);
        parse_str((string) parse_url($request->url, PHP_URL_QUERY), $query);
        $answer = match (true) {
            is_array($body) && array_is_list($body) && $body !== [] => array_map($one, $body),
            str_ends_with($path, '/v1/labels') && $request->method === 'POST' => ['matched' => 1, 'changed' => 1],
            str_ends_with($path, '/v1/presence') => ['key' => $query['key'] ?? '', 'value' => $query['value'] ?? '', 'count' => 0, 'members' => [], 'scenes' => []],
            str_ends_with($path, '/v1/nodes') => ['nodes' => []],
            default => $one($body),
        };
        return new Response(200, (string) json_encode($answer));
    }
}
