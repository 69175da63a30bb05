<?php

declare(strict_types=1);

namespace Scenecast\Laravel;

use Illuminate\Contracts\Config\Repository;
use Illuminate\Contracts\Routing\UrlGenerator;
use Illuminate\Http\Request;
use Scenecast\Scenecast;

/** What @scenecast prints: the page script, which connects by a token of the page's user, and gets the next one from the application. */
final class PageScript
{
    public function __construct(
        private readonly Repository $config,
        private readonly PageTokens $tokens,
        private readonly ScenecastBroadcaster $broadcaster,
        private readonly UrlGenerator $url,
        private readonly Request $request,
    ) {
    }

    /**
     * @param array<string, mixed> $labels  what the page shows: ['page' => 'home']
     * @param array{popup?: bool, channels?: list<string>, store?: string, nonce?: string} $options pop-ups for every push; channels, which
     *     routes/channels.php must grant; "session", so that a reload loses nothing; the nonce of a Content-Security-Policy
     */
    public function html(array $labels = [], array $options = []): string
    {
        if ($unknown = array_diff(array_keys($options), ['popup', 'channels', 'store', 'nonce'])) {
            throw new \InvalidArgumentException('@scenecast knows no option ' . implode(', ', $unknown) . '; there are popup, channels, store, nonce');
        }
        $channels = array_values($options['channels'] ?? []);
        $granted = $this->broadcaster->tokenFor($this->request, $channels);
        $connect = ['labels' => $labels === [] ? new \stdClass() : Scenecast::audienceOf($labels)];
        if (isset($options['store'])) {
            $connect['store'] = $options['store'];
        }
        $nonce = isset($options['nonce']) ? ' nonce="' . e($options['nonce']) . '"' : '';
        $script = '{let token=' . self::json($granted['token']) . ',o=' . self::json($connect) . ';'
            . 'o.token=' . $this->tokenFunction($channels) . ';'
            . (empty($options['popup']) ? '' : 'scenecast.on("message",scenecast.popup);')
            . 'scenecast.connect(o)}';
        return '<script src="' . e($this->publicURL()) . '/scenecast.js"' . $nonce . '></script>' . "<script$nonce>$script</script>";
    }

    /** What gives the page script its tokens: first the one of the page, later those of the application. A refusal means that the user has logged out. */
    private function tokenFunction(array $channels): string
    {
        if (!$this->tokens->signs() || !$this->config->get('scenecast.token_path')) {
            return 'token';
        }
        $path = self::json($this->url->route('scenecast.token', $channels === [] ? [] : ['channels' => $channels], false));
        return 'async()=>{let t=token;token=null;if(t)return t;'
            . "const r=await fetch($path,{headers:{Accept:\"application/json\"}});"
            . 'if(r.status==401||r.status==403)return null;if(!r.ok)throw Error("no token: "+r.status);return(await r.json()).token}';
    }

    private function publicURL(): string
    {
        return rtrim((string) ($this->config->get('scenecast.public_url') ?: $this->config->get('scenecast.url')), '/');
    }

    /** JSON that can stand in a script of HTML. */
    private static function json(mixed $value): string
    {
        return json_encode($value, JSON_THROW_ON_ERROR | JSON_HEX_TAG | JSON_HEX_AMP | JSON_HEX_APOS | JSON_UNESCAPED_UNICODE);
    }
}
