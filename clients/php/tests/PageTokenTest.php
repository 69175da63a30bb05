<?php

declare(strict_types=1);

namespace Scenecast\Tests;

use Scenecast\PageToken;

final class PageTokenTest extends ServerTestCase
{
    public function testTheServerBelievesWhatATokenSays(): void
    {
        $token = PageToken::hs256(Server::SECRET)->user(44)->labels(['plan' => 'pro', 'team' => [1, 2]])->maySet(['n'])->expiresIn(60)->sign();
        $page = $this->page(['n' => '5'], $token);
        $this->assertSame(1, $this->scenecast->toUser(44)->push('44')->matched);
        $this->scenecast->to(['plan' => 'pro', 'team' => 2, 'n' => 5])->push('pro');
        $this->assertSame(['44', 'pro'], [$page->next(), $page->next()]);
    }

    public function testSignsByKeysOfEachType(): void
    {
        $rsa = openssl_pkey_new(['private_key_type' => OPENSSL_KEYTYPE_RSA, 'private_key_bits' => 2048]);
        $ec = openssl_pkey_new(['private_key_type' => OPENSSL_KEYTYPE_EC, 'curve_name' => 'prime256v1']);
        $pair = sodium_crypto_sign_keypair();
        openssl_pkey_export($rsa, $rsaPem);
        openssl_pkey_export($ec, $ecPem);
        $ed = "-----BEGIN PUBLIC KEY-----\n" . base64_encode(hex2bin('302a300506032b6570032100') . sodium_crypto_sign_publickey($pair)) . "\n-----END PUBLIC KEY-----\n";
        $keys = [
            ['kid' => 'r', 'key' => openssl_pkey_get_details($rsa)['key']],
            ['kid' => 'e', 'key' => openssl_pkey_get_details($ec)['key']],
            ['kid' => 'd', 'key' => $ed],
        ];
        $server = new Server(['jwt' => ['keys' => $keys, 'issuer' => 'php', 'audience' => 'pages']]);
        $scenecast = new \Scenecast\Scenecast($server->url, Server::KEY, timeout: 60);
        $pages = [];
        foreach ([
            'rsa' => PageToken::rs256($rsaPem, 'r'),
            'ec' => PageToken::es256($ecPem, 'e'),
            'ed' => PageToken::edDsa(sodium_crypto_sign_secretkey($pair), 'd'),
        ] as $user => $token) {
            for ($i = 0; $i < 20; $i++) { // of ECDSA's signatures some have shorter numbers
                $pages[] = $server->page(['page' => 'home'], $token->user($user)->issuer('php')->audience('pages')->id("$user$i")->sign());
                if ($user === 'rsa') {
                    break;
                }
            }
        }
        $this->await(fn (): bool => $scenecast->to('*')->count() === 41);
        $this->assertSame(20, $scenecast->toUser('ec')->count());
        foreach ($pages as $page) {
            $page->close();
        }
        $server->stop();
    }

    public function testWeakOrWrongKeysAreRefused(): void
    {
        $ec = openssl_pkey_new(['private_key_type' => OPENSSL_KEYTYPE_EC, 'curve_name' => 'secp384r1']);
        openssl_pkey_export($ec, $pem);
        foreach ([fn () => PageToken::hs256('short'), fn () => PageToken::rs256($pem), fn () => PageToken::es256($pem), fn () => PageToken::edDsa('x'), fn () => PageToken::rs256('no key')] as $make) {
            try {
                $make();
                $this->fail('a key is taken that is none');
            } catch (\InvalidArgumentException $e) {
                $this->assertStringNotContainsString('PRIVATE', $e->getMessage());
            }
        }
    }
}
