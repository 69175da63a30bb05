<?php

declare(strict_types=1);

namespace Scenecast;

/**
 * Checks calls that the server makes to a backend: hooks with a secret, by Standard Webhooks.
 *
 *     $call = (new Webhook('whsec_…'))->verify(file_get_contents('php://input'), getallheaders());
 */
final class Webhook
{
    /** @var list<string> */
    private readonly array $keys;

    /**
     * @param string|list<string> $secrets   the secret of the hook; several while one takes the place of another
     * @param int                 $tolerance seconds by which the clocks may differ, and a call may be late
     */
    public function __construct(#[\SensitiveParameter] string|array $secrets, private readonly int $tolerance = 300)
    {
        $this->keys = array_map(static function (string $secret): string {
            $key = base64_decode(str_starts_with($secret, 'whsec_') ? substr($secret, strlen('whsec_')) : $secret, true);
            return $key === false || $key === '' ? throw new \InvalidArgumentException('a secret of a hook is whsec_ and base64') : $key;
        }, array_values((array) $secrets));
        if ($this->keys === []) {
            throw new \InvalidArgumentException('a hook is checked by a secret, and there is none');
        }
    }

    /**
     * What a call says, if it comes from the server.
     *
     * @param array<string, string|list<string>> $headers by name, in any case
     * @return array<string, mixed> the body: `type` and `data`; events are in `data.events`, each with an `id` that stays the same when it comes again
     * @throws InvalidSignature where it comes from somebody else, or was kept by somebody
     */
    public function verify(string $body, array $headers): array
    {
        $headers = array_change_key_case($headers);
        $header = static function (string $name) use ($headers): string {
            $value = $headers[$name] ?? '';
            return is_array($value) ? (string) reset($value) : $value;
        };
        $id = $header('webhook-id');
        $time = $header('webhook-timestamp');
        if ($id === '' || !ctype_digit($time)) {
            throw new InvalidSignature('the headers webhook-id and webhook-timestamp are missing: is there a secret in the settings of the hook?');
        }
        if (abs(time() - (int) $time) > $this->tolerance) {
            throw new InvalidSignature("the call is of $time, which is more than {$this->tolerance} seconds from now");
        }
        foreach (explode(' ', $header('webhook-signature')) as $signature) {
            foreach ($this->keys as $key) {
                if (hash_equals('v1,' . base64_encode(hash_hmac('sha256', "$id.$time.$body", $key, true)), $signature)) {
                    $call = json_decode($body, true);
                    return is_array($call) ? $call : throw new InvalidSignature('the body is no JSON');
                }
            }
        }
        throw new InvalidSignature('no signature of the call is by a secret that is known');
    }
}
