<?php

declare(strict_types=1);

namespace Scenecast\Transport;

use Psr\Http\Client\ClientExceptionInterface;
use Psr\Http\Client\ClientInterface;
use Psr\Http\Message\RequestFactoryInterface;
use Psr\Http\Message\StreamFactoryInterface;
use Scenecast\Exception\Unreachable;

/** Sends by an HTTP client of yours (PSR-18). The timeouts are those of the client: PSR-18 has none. */
final class Psr18Transport implements Transport
{
    public function __construct(
        private readonly ClientInterface $client,
        private readonly RequestFactoryInterface $requests,
        private readonly StreamFactoryInterface $streams,
    ) {
    }

    public function send(Request $request): Response
    {
        $message = $this->requests->createRequest($request->method, $request->url);
        foreach ($request->headers as $name => $value) {
            $message = $message->withHeader($name, $value);
        }
        if ($request->body !== '') {
            $message = $message->withBody($this->streams->createStream($request->body));
        }
        try {
            $response = $this->client->sendRequest($message);
        } catch (ClientExceptionInterface $e) {
            throw new Unreachable('the Scenecast server does not answer: ' . $e->getMessage(), 0, $e);
        }
        $after = $response->getHeaderLine('Retry-After');
        return new Response($response->getStatusCode(), (string) $response->getBody(), ctype_digit($after) ? (int) $after : null);
    }
}
