<?php

declare(strict_types=1);

namespace Scenecast\Laravel;

use Illuminate\Broadcasting\Broadcasters\Broadcaster;
use Illuminate\Broadcasting\Broadcasters\UsePusherChannelConventions;
use Illuminate\Broadcasting\BroadcastException;
use Illuminate\Http\Request;
use Scenecast\Exception\RequestFailed;
use Scenecast\Exception\ScenecastException;
use Scenecast\Push;
use Scenecast\Scenecast;
use Symfony\Component\HttpKernel\Exception\AccessDeniedHttpException;

/**
 * The broadcasting driver "scenecast". A channel is the label @channel, which a page has by its token alone: so what routes/channels.php grants is
 * what a token says, and no page can grant itself.
 */
final class ScenecastBroadcaster extends Broadcaster
{
    use UsePusherChannelConventions;

    /** What the ID of a page can be (docs/protocol.md). */
    private const PAGE_ID = '/^[A-Za-z0-9_-]{1,64}$/D';

    /** How many channels one token may have. */
    private const MAX_CHANNELS = 32;

    /**
     * @param \Closure(): Scenecast  $scenecast
     * @param \Closure(): PageTokens $tokens
     */
    public function __construct(private readonly \Closure $scenecast, private readonly \Closure $tokens)
    {
    }

    /**
     * Broadcasts an event: one push for each of its channels.
     *
     * @param array<mixed>         $channels
     * @param string               $event
     * @param array<string, mixed> $payload
     */
    public function broadcast(array $channels, $event, array $payload = [])
    {
        $socket = $payload['socket'] ?? null;
        unset($payload['socket']);
        $pushes = [];
        foreach ($channels as $channel) {
            $push = ($this->scenecast)()->to($channel instanceof AudienceChannel ? $channel->audience : ['@channel' => (string) $channel]);
            $pushes[] = $this->except($push, $socket)->event($event)->message($payload === [] ? new \stdClass() : $payload);
        }
        try {
            foreach (array_chunk($pushes, 1000) as $some) {
                foreach (($this->scenecast)()->batch($some) as $i => $result) {
                    if ($result instanceof RequestFailed) {
                        throw new BroadcastException("Scenecast has refused the event $event of " . $channels[$i] . ': ' . $result->getMessage(), $result->status, $result);
                    }
                }
            }
        } catch (ScenecastException | \InvalidArgumentException $e) {
            throw new BroadcastException('Scenecast: ' . $e->getMessage(), $e->getCode(), $e);
        }
    }

    /** toOthers(): the page says who it is by X-Socket-ID, as the page script's id, or its pageID, which stays over reconnects. */
    private function except(Push $push, mixed $socket): Push
    {
        return match (true) {
            !is_string($socket) || $socket === '' => $push,
            (bool) preg_match('/^\d{1,19}\.\d{1,19}$/D', $socket) => $push->except($socket),
            (bool) preg_match(self::PAGE_ID, $socket) => $push->except(['@page' => $socket]),
            default => $push, // it is no page's, and must not keep the event from everybody
        };
    }

    /**
     * Answers a page that asks for a token with channels: one of channel_name, or several of channels.
     *
     * @param Request $request
     * @return array{token: string, channels: list<string>}
     */
    public function auth($request)
    {
        return $this->tokenFor($request, $request->input('channels', $request->input('channel_name')));
    }

    /**
     * A token for the user of a request, with channels, each of which routes/channels.php has granted.
     *
     * @param mixed $channels what the request says
     * @return array{token: string, channels: list<string>}
     * @throws AccessDeniedHttpException where one of them is not granted
     */
    public function tokenFor(Request $request, mixed $channels): array
    {
        $channels = is_array($channels) ? array_values($channels) : (array) $channels;
        if (count($channels) > self::MAX_CHANNELS) {
            throw new AccessDeniedHttpException('too many channels: a page has at most ' . self::MAX_CHANNELS);
        }
        $user = $request->user();
        foreach ($channels as $channel) {
            if (!is_string($channel) || $channel === '' || !preg_match('/^[^\x00-\x1f\x7f]+$/Du', $channel)) {
                throw new AccessDeniedHttpException('a channel is a text');
            }
            if (!$this->isGuardedChannel($channel)) {
                continue;
            }
            $name = $this->normalizeChannelName($channel);
            $member = $this->retrieveUser($request, $name);
            if (!$member || $user && $user->getAuthIdentifier() !== $member->getAuthIdentifier()) {
                throw new AccessDeniedHttpException();
            }
            $user = $member;
            $this->verifyUserCanAccessChannel($request, $name);
        }
        return ['token' => ($this->tokens)()->make($user, channels: $channels), 'channels' => $channels];
    }

    /** @param mixed $result what the channel's callback has returned */
    public function validAuthenticationResponse($request, $result)
    {
        return $result;
    }
}
