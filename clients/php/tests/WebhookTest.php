<?php

declare(strict_types=1);

namespace Scenecast\Tests;

use PHPUnit\Framework\TestCase;
use Scenecast\InvalidSignature;
use Scenecast\Webhook;

final class WebhookTest extends TestCase
{
    private const SECRET = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';

    /** The vector of Standard Webhooks' own libraries, and a tolerance that lets its time pass. */
    public function testTheVectorOfTheSpecification(): void
    {
        $headers = [
            'Webhook-Id' => 'msg_p5jXN8AQM9LWM0D4loKWxJek',
            'Webhook-Timestamp' => '1614265330',
            'Webhook-Signature' => 'v1,AAAA v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
        ];
        $this->assertSame(['test' => 2432232314], (new Webhook(self::SECRET, PHP_INT_MAX))->verify('{"test": 2432232314}', $headers));
        $this->expectException(InvalidSignature::class);
        (new Webhook(self::SECRET))->verify('{"test": 2432232314}', $headers); // it is years old
    }

    public function testACallOfNow(): void
    {
        $body = '{"type":"events","data":{"events":[]}}';
        $other = 'whsec_' . base64_encode(random_bytes(24));
        $webhook = new Webhook([$other, self::SECRET]);
        $headers = $this->headers($body);
        $this->assertSame('events', $webhook->verify($body, $headers)['type']);
        $this->assertSame('events', $webhook->verify($body, array_map(fn ($value) => [$value], $headers))['type']);
        foreach ([
            'another body' => [self::SECRET, "$body ", $headers],
            'another secret' => [$other, $body, $headers],
            'no headers' => [self::SECRET, $body, []],
            'another id' => [self::SECRET, $body, ['webhook-id' => 'x'] + $headers],
            'no signature' => [self::SECRET, $body, ['webhook-signature' => ''] + $headers],
        ] as $name => [$secret, $text, $with]) {
            try {
                (new Webhook($secret))->verify($text, $with);
                $this->fail("$name is believed");
            } catch (InvalidSignature $e) {
                $this->assertStringNotContainsString($secret, (string) $e);
            }
        }
    }

    public function testASecretThatIsNone(): void
    {
        $this->expectException(\InvalidArgumentException::class);
        new Webhook('whsec_not base64!');
    }

    /** @return array<string, string> */
    private function headers(string $body): array
    {
        $time = (string) time();
        $mac = hash_hmac('sha256', "msg_1.$time.$body", base64_decode(substr(self::SECRET, 6)), true);
        return ['webhook-id' => 'msg_1', 'webhook-timestamp' => $time, 'webhook-signature' => 'v1,' . base64_encode($mac)];
    }
}
