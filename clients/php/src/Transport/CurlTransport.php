<?php

declare(strict_types=1);

namespace Scenecast\Transport;

use Scenecast\Exception\InvalidResponse;
use Scenecast\Exception\Unreachable;

/**
 * Sends by ext-curl, and keeps its connection open for the next request. Redirects are not followed: they would take the key elsewhere.
 */
final class CurlTransport implements Transport
{
    /** Bytes of the body of an answer. The longest ones are of 1,000 connections with many labels. */
    private const MAX_BODY = 32 << 20;

    private ?\CurlHandle $handle = null;
    private int $pid = 0;

    /**
     * @param float             $connectTimeout seconds until there must be a connection
     * @param array<int, mixed> $options        of curl_setopt, over the ones here: CURLOPT_CAINFO, CURLOPT_PROXY, CURLOPT_UNIX_SOCKET_PATH …
     */
    public function __construct(private readonly float $connectTimeout = 0.5, private readonly array $options = [])
    {
    }

    public function send(Request $request): Response
    {
        if ($this->pid !== getmypid()) { // a process that was forked must not write into a connection of its parent
            $this->handle = null;
            $this->pid = getmypid();
        }
        $curl = $this->handle ??= curl_init();
        $headers = [];
        foreach ($request->headers as $name => $value) {
            $headers[] = "$name: $value";
        }
        $retryAfter = null;
        $body = '';
        curl_reset($curl);
        curl_setopt_array($curl, $this->options + [
            CURLOPT_URL => $request->url,
            CURLOPT_CUSTOMREQUEST => $request->method,
            CURLOPT_HTTPHEADER => [...$headers, 'Expect:'],
            CURLOPT_CONNECTTIMEOUT_MS => max(1, (int) round(1000 * min($this->connectTimeout, $request->timeout))),
            CURLOPT_TIMEOUT_MS => max(1, (int) round(1000 * $request->timeout)),
            CURLOPT_NOSIGNAL => true,
            CURLOPT_PROTOCOLS => CURLPROTO_HTTP | CURLPROTO_HTTPS,
            CURLOPT_USERAGENT => 'scenecast-php',
            CURLOPT_WRITEFUNCTION => static function (\CurlHandle $curl, string $some) use (&$body): int {
                if (strlen($body) + strlen($some) > self::MAX_BODY) {
                    return 0; // ends the transfer
                }
                $body .= $some;
                return strlen($some);
            },
            CURLOPT_HEADERFUNCTION => static function (\CurlHandle $curl, string $line) use (&$retryAfter): int {
                if (preg_match('/^retry-after:\s*(\d+)\s*$/i', $line, $match)) {
                    $retryAfter = (int) $match[1];
                }
                return strlen($line);
            },
        ]);
        if ($request->body !== '') {
            curl_setopt($curl, CURLOPT_POSTFIELDS, $request->body);
        }
        if (!curl_exec($curl)) {
            if (curl_errno($curl) === CURLE_WRITE_ERROR) {
                throw new InvalidResponse('the answer is longer than ' . (self::MAX_BODY >> 20) . ' MiB: is this a Scenecast server?');
            }
            throw new Unreachable('the Scenecast server does not answer: ' . curl_error($curl), curl_errno($curl));
        }
        return new Response(curl_getinfo($curl, CURLINFO_RESPONSE_CODE), $body, $retryAfter);
    }
}
