<?php

declare(strict_types=1);

namespace Scenecast\Laravel;

use Illuminate\Contracts\Auth\Authenticatable;
use Scenecast\PageToken;

/** Makes the tokens of pages, as config/scenecast.php says. */
final class PageTokens
{
    /** @var (callable(Authenticatable): array<string, mixed>)|null */
    private static $labels = null;

    /** @param array<string, mixed> $config scenecast.token */
    public function __construct(#[\SensitiveParameter] private readonly array $config)
    {
    }

    /**
     * Has the token of every page say more of its user than who it is. For the boot() of a service provider.
     *
     *     PageTokens::labelsUsing(fn (User $user) => ['plan' => $user->plan]);
     *
     * @param (callable(Authenticatable): array<string, mixed>)|null $labels
     */
    public static function labelsUsing(?callable $labels): void
    {
        self::$labels = $labels;
    }

    /**
     * A token.
     *
     * @param Authenticatable|null $user     whose page it is; null: nobody's
     * @param array<string, mixed> $labels   that the page has and cannot change
     * @param list<string>         $channels that it is in. Who calls this has checked that it may
     */
    public function make(?Authenticatable $user, array $labels = [], array $channels = []): string
    {
        if ($user !== null && self::$labels !== null) {
            $labels += (self::$labels)($user);
        }
        if ($channels !== []) {
            $labels['@channel'] = $channels;
        }
        if (!$this->signs()) {
            $static = (string) ($this->config['static'] ?? '');
            if ($static === '') {
                throw new \RuntimeException('Scenecast has no token for pages: set SCENECAST_JWT_SECRET, or SCENECAST_CLIENT_TOKEN, or run artisan scenecast:install');
            }
            if ($labels !== []) {
                throw new \RuntimeException('a token that says more than that a page may come in is signed: set SCENECAST_JWT_SECRET (config scenecast.token)');
            }
            return $static;
        }
        $token = $this->signer()->labels($labels)->expiresIn((int) ($this->config['lifetime'] ?? 3600));
        if ($user !== null) {
            $token = $token->user((string) $user->getAuthIdentifier());
        }
        foreach (['issuer', 'audience'] as $claim) {
            if (($this->config[$claim] ?? null) !== null) {
                $token = $token->{$claim}($this->config[$claim]);
            }
        }
        return isset($this->config['may_set']) ? $token->maySet($this->config['may_set'])->sign() : $token->sign();
    }

    /** Whether tokens say who a page is, and end. */
    public function signs(): bool
    {
        return !empty($this->config['secret']) || !empty($this->config['private_key']);
    }

    private function signer(): PageToken
    {
        $id = $this->config['key_id'] ?? null;
        $pem = static fn (string $file): string => is_readable($file)
            ? (string) file_get_contents($file)
            : throw new \RuntimeException("the private key of page tokens cannot be read: $file (config scenecast.token.private_key)");
        return match ($algorithm = $this->config['algorithm'] ?? 'HS256') {
            'HS256' => PageToken::hs256((string) ($this->config['secret'] ?? ''), $id),
            'RS256' => PageToken::rs256($pem((string) ($this->config['private_key'] ?? '')), $id),
            'ES256' => PageToken::es256($pem((string) ($this->config['private_key'] ?? '')), $id),
            default => throw new \RuntimeException("there is no algorithm $algorithm for page tokens: HS256, RS256 and ES256 (config scenecast.token.algorithm)"),
        };
    }
}
