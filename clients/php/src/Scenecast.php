<?php

declare(strict_types=1);

namespace Scenecast;

use Scenecast\Exception\InvalidResponse;
use Scenecast\Exception\RequestFailed;
use Scenecast\Exception\ScenecastException;
use Scenecast\Transport\CurlTransport;
use Scenecast\Transport\Request;
use Scenecast\Transport\Response;
use Scenecast\Transport\Transport;

/**
 * A Scenecast server, as a backend calls it.
 *
 *     $scenecast = new Scenecast('http://127.0.0.1:9502', 'API_KEY');
 *     $scenecast->to(['page' => 'home'])->push(['code' => 200, 'message' => 'hello']);
 *
 * Make one and keep it: it keeps its connection open. An audience is an array of labels, each with a value or a list of values, or a text
 * such as 'page == "home" && plan in ["pro", "team"]', or '*' for everybody. Every method throws a ScenecastException where it fails.
 */
final class Scenecast
{
    private readonly string $url;
    private readonly Transport $transport;

    /**
     * @param string         $url     where the server is, with the path prefix of a proxy in front of it, if there is one
     * @param string         $key     an API key of the setting api_keys
     * @param float          $timeout seconds that a call may take in all, with its retry. A push with a receipt gets the time of its receipt besides
     * @param Transport|null $transport what sends requests; null: ext-curl
     * @param string|null    $language in which the server says what is wrong, as in Accept-Language: 'zh-CN' or 'en'; null: its default, English
     */
    public function __construct(
        string $url,
        #[\SensitiveParameter] private readonly string $key,
        private readonly float $timeout = 2.0,
        ?Transport $transport = null,
        private readonly ?string $language = null,
    ) {
        if (!preg_match('{^https?://[^/\s@?#]+(/[^\s?#]*)?$}Di', $url)) {
            throw new \InvalidArgumentException('the URL of the server is https://host, or http://host:port/prefix, and has no user, query or spaces');
        }
        if ($key === '' || preg_match('/[^\x21-\x7e]/', $key)) {
            throw new \InvalidArgumentException('the API key is empty, or has characters that no key has');
        }
        if ($timeout <= 0) {
            throw new \InvalidArgumentException('the timeout must be over 0 seconds');
        }
        $this->url = rtrim($url, '/');
        $this->transport = $transport ?? new CurlTransport();
    }

    /** A push to an audience, which is sent by push(). @param array<string, mixed>|string $audience */
    public function to(array|string $audience): Push
    {
        return new Push($this, $audience);
    }

    /** A push to everybody. */
    public function toEverybody(): Push
    {
        return new Push($this, '*');
    }

    /** A push to all pages of a user, whose tokens say so. */
    public function toUser(string|int $user): Push
    {
        return new Push($this, ['@user' => (string) $user]);
    }

    /**
     * Sends up to 1,000 pushes by one call, in their order.
     *
     *     $scenecast->batch([$scenecast->to('*')->message('one'), $scenecast->to(['page' => 'home'])->message('two')]);
     *
     * @param list<Push> $pushes each with a message
     * @return list<PushResult|RequestFailed> in their order: of a push that is refused, why. The others are sent
     */
    public function batch(array $pushes): array
    {
        $bodies = array_map(static fn (Push $push): array => $push->body(), array_values($pushes));
        $wait = 0.0;
        foreach ($pushes as $push) {
            $wait = max($wait, $push->receiptTime());
        }
        $answers = $this->call('POST', '/v1/push', $bodies, wait: $wait, retry: true);
        if (count($answers) !== count($bodies)) {
            throw new InvalidResponse(sprintf('the server has answered %d of %d pushes', count($answers), count($bodies)));
        }
        return array_map(
            static function (mixed $of): PushResult|RequestFailed {
                $answer = Answer::of($of);
                return $answer->has('status') ? RequestFailed::of($answer->int('status'), $of, null) : PushResult::of($answer);
            },
            array_values($answers),
        );
    }

    /**
     * Runs a trigger.
     *
     * @param array<string, mixed> $parameters
     * @param string|null          $idempotencyKey calls with the same one run it once; null: one is made, for this call and its retry
     */
    public function trigger(string $name, array $parameters = [], ?string $idempotencyKey = null): PushResult
    {
        return PushResult::of(Answer::of($this->call(
            'POST',
            '/v1/triggers/' . rawurlencode($name),
            (object) $parameters,
            headers: ['Idempotency-Key' => $idempotencyKey ?? self::newId()],
            retry: true,
        )));
    }

    /** What an audience is. @param array<string, mixed>|string $to */
    public function audience(array|string $to, array|string|null $except = null, int $sample = 0): Audience
    {
        $body = ['to' => self::audienceOf($to)];
        if ($except !== null) {
            $body['except'] = self::audienceOf($except);
        }
        if ($sample > 0) {
            $body['sample'] = $sample;
        }
        return Audience::of(Answer::of($this->call('POST', '/v1/audience', $body, retry: true)));
    }

    /**
     * The connections of an audience, each of which was there all the while exactly once. They are fetched as they are read.
     *
     * @param array<string, mixed>|string $to
     * @return \Generator<int, Connection>
     */
    public function connections(array|string $to = '*', int $limit = 1000): \Generator
    {
        $query = ['to' => self::audienceText($to), 'limit' => $limit];
        foreach ($this->parts('/v1/connections', $query) as $part) {
            foreach ($part->objects('connections') as $connection) {
                yield Connection::of($connection);
            }
        }
    }

    /** A connection that is there now; null: it is not. */
    public function connection(string $id): ?Connection
    {
        try {
            return Connection::of(Answer::of($this->call('GET', '/v1/connections/' . rawurlencode($id), retry: true)));
        } catch (RequestFailed $e) {
            return $e->kind === 'not_found' ? null : throw $e;
        }
    }

    /**
     * The values that a label has, those with the most connections first. Where nodes of a cluster have more than they can tell each other, a value
     * may have more connections than are told.
     *
     * @param array<string, mixed>|string $to among which connections
     * @return array<string, int> connections by value. PHP makes integers of keys that look like some
     */
    public function values(string $key, array|string $to = '*', int $limit = 100): array
    {
        $answer = Answer::of($this->call('GET', '/v1/labels', query: ['key' => $key, 'to' => self::audienceText($to), 'limit' => $limit], retry: true));
        $values = [];
        foreach ($answer->objects('values') as $value) {
            $values[$value->text('value')] = $value->int('connections');
        }
        return $values;
    }

    /**
     * Changes labels of live connections: they are trusted from then on.
     *
     * @param array<string, mixed>|string          $to
     * @param array<string, string|list<string>>   $set    what keys have from now on
     * @param list<string>                         $remove keys that have nothing from now on
     * @return int how many connections have changed
     */
    public function label(array|string $to, array $set = [], array $remove = []): int
    {
        $body = ['to' => self::audienceOf($to)];
        if ($set !== []) {
            $body['set'] = array_map(self::labelValue(...), $set);
        }
        if ($remove !== []) {
            $body['remove'] = array_values($remove);
        }
        return Answer::of($this->call('POST', '/v1/labels', $body, retry: true))->int('changed');
    }

    /**
     * Closes connections, behind what is queued for them.
     *
     * @param array<string, mixed>|string $to
     * @param int                         $code 1000, or one from 3000 to 4999
     * @return int how many were chosen
     */
    public function disconnect(array|string $to, int $code = 1000, string $reason = ''): int
    {
        return Answer::of($this->call('POST', '/v1/disconnect', ['to' => self::audienceOf($to), 'code' => $code, 'reason' => $reason]))->int('matched');
    }

    /** Makes the page tokens of a user void that were issued before a time; null: now. @return int how many pages were closed */
    public function revokeUser(string|int $user, ?\DateTimeInterface $before = null): int
    {
        return $this->revoke(['user' => (string) $user], $before);
    }

    /** Makes one page token void. @return int how many pages were closed */
    public function revokeToken(string $jti): int
    {
        return $this->revoke(['jti' => $jti], null);
    }

    /** Makes page tokens void whose own labels match. @param array<string, mixed>|string $to @return int how many pages were closed */
    public function revokeAudience(array|string $to, ?\DateTimeInterface $before = null): int
    {
        return $this->revoke(['to' => self::audienceOf($to)], $before);
    }

    /** @param array<string, mixed> $body */
    private function revoke(array $body, ?\DateTimeInterface $before): int
    {
        if ($before !== null) {
            $body['before'] = $before->format(\DateTimeInterface::RFC3339_EXTENDED);
        }
        return Answer::of($this->call('POST', '/v1/revoke', $body, retry: true))->int('matched');
    }

    /** Who is in a scene, of a key that the setting presence declares. */
    public function presence(string $key, string|int $value, int $limit = 1000): Presence
    {
        $query = ['key' => $key, 'value' => (string) $value, 'limit' => $limit];
        $presence = null;
        foreach ($this->parts('/v1/presence', $query) as $part) {
            $presence = $presence === null ? Presence::of($part) : $presence->with($part);
        }
        return $presence;
    }

    /**
     * The parts of a list that is longer than one answer.
     *
     * @param array<string, string|int|null> $query
     * @return \Generator<int, Answer>
     */
    private function parts(string $path, array $query): \Generator
    {
        for ($last = null; ; $last = $query['after']) {
            $part = Answer::of($this->call('GET', $path, query: $query, retry: true));
            yield $part;
            if (!$part->has('next')) {
                return;
            }
            if (($query['after'] = $part->text('next')) === $last) {
                throw new InvalidResponse('the answer has the part that was asked for in next: it would have no end');
            }
        }
    }

    /** The scenes of a key in which anybody is. @return \Generator<int, Scene> */
    public function scenes(string $key, int $limit = 1000): \Generator
    {
        $query = ['key' => $key, 'limit' => $limit];
        foreach ($this->parts('/v1/presence', $query) as $part) {
            foreach ($part->objects('scenes') as $scene) {
                yield Scene::of($scene);
            }
        }
    }

    /** A push that the log still has, and what has become of it, as the API tells it; null: it is not there. @return array<string, mixed>|null */
    public function pushed(string $id): ?array
    {
        try {
            return $this->call('GET', '/v1/pushes/' . rawurlencode($id), retry: true);
        } catch (RequestFailed $e) {
            return $e->kind === 'not_found' ? null : throw $e;
        }
    }

    /** The nodes of the cluster, as the API tells them. @return list<array<string, mixed>> */
    public function nodes(): array
    {
        return Answer::of($this->call('GET', '/v1/nodes', retry: true))->arrays('nodes');
    }

    /** Whether the server takes pushes. Where it does not, or cannot be reached, why not is what is thrown. */
    public function checkReady(): void
    {
        $this->call('GET', '/readyz');
    }

    /**
     * Makes any call of the HTTP API, for what has no method here.
     *
     * @param mixed                                $body    what is sent as JSON; null: nothing
     * @param array<string, string|int|null>       $query
     * @param array<string, string>                $headers
     * @param float                                $wait    seconds that the server waits before it answers, besides the timeout
     * @param bool                                 $retry   whether it may be made twice: once more where the server has not answered
     * @return array<mixed>
     */
    public function call(string $method, string $path, mixed $body = null, array $query = [], array $headers = [], float $wait = 0.0, bool $retry = false): array
    {
        $query = array_filter($query, static fn (string|int|null $value): bool => $value !== null);
        $url = $this->url . $path . ($query === [] ? '' : '?' . http_build_query($query, '', '&', PHP_QUERY_RFC3986));
        $headers += ['Authorization' => 'Bearer ' . $this->key, 'Accept' => 'application/json'];
        if ($this->language !== null) {
            $headers += ['Accept-Language' => $this->language];
        }
        foreach ($headers as $name => $value) {
            if (preg_match('/[\x00-\x1f\x7f]/', $name . $value)) {
                throw new \InvalidArgumentException('the header ' . addcslashes($name, "\0..\37\177") . ' has control characters');
            }
        }
        $text = '';
        if ($body !== null) {
            $text = self::encode($body);
            $headers += ['Content-Type' => 'application/json'];
        }
        $until = microtime(true) + $this->timeout + $wait;
        for ($attempt = 1; ; $attempt++) {
            try {
                $response = $this->transport->send(new Request($method, $url, $headers, $text, max(0.001, $until - microtime(true))));
                return $this->answer($response);
            } catch (ScenecastException $e) {
                if (!$retry || $attempt > 1 || !$e->mayBeTriedAgain() || microtime(true) >= $until) {
                    throw $e;
                }
            }
        }
    }

    /** @return array<mixed> */
    private function answer(Response $response): array
    {
        $answer = json_decode($response->body, true);
        if ($response->status >= 200 && $response->status < 300) {
            return is_array($answer) ? $answer : throw new InvalidResponse('the answer is no JSON: is ' . $this->url . ' a Scenecast server?');
        }
        throw RequestFailed::of($response->status, is_array($answer) ? $answer : [], $response->retryAfter);
    }

    /** @internal A push's name: 128 random bits. */
    public static function newId(): string
    {
        return bin2hex(random_bytes(16));
    }

    /** @internal */
    public static function encode(mixed $value): string
    {
        try {
            return json_encode($value, JSON_THROW_ON_ERROR | JSON_UNESCAPED_UNICODE | JSON_UNESCAPED_SLASHES | JSON_PRESERVE_ZERO_FRACTION);
        } catch (\JsonException $e) {
            throw new \InvalidArgumentException('this cannot be written as JSON: ' . $e->getMessage(), 0, $e);
        }
    }

    /**
     * @internal An audience as the API takes it. Numbers are texts there.
     * @param array<string, mixed>|string $audience
     */
    public static function audienceOf(array|string $audience): array|string
    {
        if (is_string($audience)) {
            return $audience;
        }
        if ($audience === []) {
            throw new \InvalidArgumentException("an audience needs a label, so that nobody pushes to everybody by mistake; everybody is '*'");
        }
        return array_map(self::labelValue(...), $audience);
    }

    /** @param array<string, mixed>|string $audience */
    private static function audienceText(array|string $audience): string
    {
        $audience = self::audienceOf($audience);
        return is_string($audience) ? $audience : self::encode($audience);
    }

    /** A label's value, or values, as texts. @return string|list<string> */
    private static function labelValue(mixed $value): string|array
    {
        return match (true) {
            is_array($value) => array_values(array_map(static function (mixed $v): string {
                $v = self::labelValue($v);
                return is_string($v) ? $v : throw new \InvalidArgumentException('a label has texts, and no lists of lists');
            }, $value)),
            is_string($value) => $value,
            is_int($value), $value instanceof \Stringable => (string) $value,
            is_bool($value) => $value ? 'true' : 'false',
            $value instanceof \BackedEnum => (string) $value->value,
            default => throw new \InvalidArgumentException('a label is a text or a whole number, and not ' . get_debug_type($value)),
        };
    }
}
