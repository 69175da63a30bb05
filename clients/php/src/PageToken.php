<?php

declare(strict_types=1);

namespace Scenecast;

/**
 * A page token: a JSON Web Token (RFC 7519) that says who a page is. It is made here, without a call to the server, which verifies it by the
 * setting jwt. Every method but sign() returns another one and leaves this one as it is.
 *
 *     $token = PageToken::hs256('a secret of 32 bytes at least …')->user(42)->labels(['plan' => 'pro'])->expiresIn(3600)->sign();
 */
final class PageToken
{
    /** @var array<string, mixed> */
    private array $claims = [];
    private int $lifetime = 3600;

    private function __construct(
        private readonly string $algorithm,
        #[\SensitiveParameter] private readonly \OpenSSLAsymmetricKey|string $key,
        private readonly ?string $keyId,
    ) {
    }

    /** Signs by HMAC-SHA256, with a secret that the server has as well. @param string|null $keyId the kid of the setting's key */
    public static function hs256(#[\SensitiveParameter] string $secret, ?string $keyId = null): self
    {
        if (strlen($secret) < 32) {
            throw new \InvalidArgumentException('the secret of page tokens has less than 32 bytes, and can be guessed: the server refuses it');
        }
        return new self('HS256', $secret, $keyId);
    }

    /** Signs by RSA-SHA256. @param string $privateKey a PEM, or file:///path/to.pem */
    public static function rs256(#[\SensitiveParameter] string $privateKey, ?string $keyId = null, #[\SensitiveParameter] string $passphrase = ''): self
    {
        return new self('RS256', self::privateKey($privateKey, $passphrase, OPENSSL_KEYTYPE_RSA), $keyId);
    }

    /** Signs by ECDSA on the curve P-256. @param string $privateKey a PEM, or file:///path/to.pem */
    public static function es256(#[\SensitiveParameter] string $privateKey, ?string $keyId = null, #[\SensitiveParameter] string $passphrase = ''): self
    {
        $key = self::privateKey($privateKey, $passphrase, OPENSSL_KEYTYPE_EC);
        if ((openssl_pkey_get_details($key)['ec']['curve_name'] ?? '') !== 'prime256v1') {
            throw new \InvalidArgumentException('the key is not of the curve P-256');
        }
        return new self('ES256', $key, $keyId);
    }

    /** Signs by Ed25519. @param string $secretKey the 64 bytes of sodium_crypto_sign_secretkey() */
    public static function edDsa(#[\SensitiveParameter] string $secretKey, ?string $keyId = null): self
    {
        if (strlen($secretKey) !== 64) {
            throw new \InvalidArgumentException('a secret key of Ed25519 has 64 bytes, as sodium_crypto_sign_secretkey() gives it');
        }
        return new self('EdDSA', $secretKey, $keyId);
    }

    /** Whose page it is: the label @user. */
    public function user(string|int $user): self
    {
        return $this->claim('sub', (string) $user);
    }

    /** Labels that the page has and cannot change. @param array<string, string|int|list<string|int>> $labels */
    public function labels(array $labels): self
    {
        return $labels === [] ? $this : $this->claim('labels', Scenecast::audienceOf($labels));
    }

    /** The keys of the labels that the page may set itself, in the place of those of the setting labels.client. @param list<string> $keys */
    public function maySet(array $keys): self
    {
        return $this->claim('may_set', array_values($keys));
    }

    /** Its name, by which it can be revoked. */
    public function id(string $jti): self
    {
        return $this->claim('jti', $jti);
    }

    /** Who has made it: what the setting jwt.issuer says. */
    public function issuer(string $issuer): self
    {
        return $this->claim('iss', $issuer);
    }

    /** For whom it is: what the setting jwt.audience says. */
    public function audience(string $audience): self
    {
        return $this->claim('aud', $audience);
    }

    /** Seconds that it is valid; 3,600 where this is left out. */
    public function expiresIn(int $seconds): self
    {
        if ($seconds <= 0) {
            throw new \InvalidArgumentException('a page token is valid for a second or more');
        }
        $token = clone $this;
        $token->lifetime = $seconds;
        return $token;
    }

    /** Any other claim. */
    public function claim(string $name, mixed $value): self
    {
        $token = clone $this;
        $token->claims[$name] = $value;
        return $token;
    }

    /** The token. */
    public function sign(): string
    {
        $now = time();
        $header = ['alg' => $this->algorithm, 'typ' => 'JWT'] + ($this->keyId === null ? [] : ['kid' => $this->keyId]);
        $claims = $this->claims + ['iat' => $now, 'exp' => $now + $this->lifetime];
        $text = self::base64(Scenecast::encode($header)) . '.' . self::base64(Scenecast::encode($claims));
        return $text . '.' . self::base64($this->signature($text));
    }

    private function signature(string $text): string
    {
        if ($this->algorithm === 'HS256') {
            return hash_hmac('sha256', $text, $this->key, true);
        }
        if ($this->algorithm === 'EdDSA') {
            return sodium_crypto_sign_detached($text, $this->key);
        }
        if (!openssl_sign($text, $signature, $this->key, OPENSSL_ALGO_SHA256)) {
            throw new \RuntimeException('the page token cannot be signed: ' . openssl_error_string());
        }
        return $this->algorithm === 'ES256' ? self::twoNumbers($signature) : $signature;
    }

    /** ES256 has two numbers of 32 bytes (RFC 7518, 3.4), of which OpenSSL makes a DER sequence. */
    private static function twoNumbers(string $der): string
    {
        $at = 2; // behind the sequence's head, which is short
        $numbers = '';
        for ($i = 0; $i < 2; $i++) {
            $length = ord($der[$at + 1]);
            $numbers .= str_pad(ltrim(substr($der, $at + 2, $length), "\0"), 32, "\0", STR_PAD_LEFT);
            $at += 2 + $length;
        }
        return $numbers;
    }

    private static function privateKey(string $pem, string $passphrase, int $type): \OpenSSLAsymmetricKey
    {
        $key = openssl_pkey_get_private($pem, $passphrase);
        if ($key === false) {
            throw new \InvalidArgumentException('the private key of page tokens cannot be read: ' . openssl_error_string());
        }
        if (openssl_pkey_get_details($key)['type'] !== $type) {
            throw new \InvalidArgumentException('the private key of page tokens is of another type than the algorithm');
        }
        return $key;
    }

    private static function base64(string $bytes): string
    {
        return rtrim(strtr(base64_encode($bytes), '+/', '-_'), '=');
    }
}
