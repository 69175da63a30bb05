<?php

declare(strict_types=1);

namespace Scenecast\Laravel\Console;

use Illuminate\Console\Command;
use Scenecast\Laravel\PageTokens;

final class ListenCommand extends Command
{
    protected $signature = 'scenecast:listen
        {label* : what the page shows, as page=home}
        {--count= : end after so many messages}';

    protected $description = 'Be a page, and print what it gets';

    public function handle(PageTokens $tokens): int
    {
        $query = [];
        foreach ($this->argument('label') as $label) {
            if (!str_contains($label, '=')) {
                $this->error("$label is no label: page=home is one");
                return self::INVALID;
            }
            $query[] = implode('=', array_map(rawurlencode(...), explode('=', $label, 2)));
        }
        $config = $this->laravel->make('config');
        $query[] = 'token=' . rawurlencode($tokens->make(null));
        $left = $this->option('count') === null ? PHP_INT_MAX : (int) $this->option('count');
        $buffer = '';
        $curl = curl_init(rtrim($config->get('scenecast.url'), '/') . '/v1/events?' . implode('&', $query));
        curl_setopt_array($curl, [
            CURLOPT_HTTPHEADER => ['Accept: text/event-stream'],
            CURLOPT_CONNECTTIMEOUT_MS => (int) (1000 * $config->get('scenecast.connect_timeout')),
            CURLOPT_WRITEFUNCTION => function (\CurlHandle $curl, string $some) use (&$buffer, &$left): int {
                $buffer .= $some;
                while (preg_match('/\r?\n\r?\n/', $buffer, $end, PREG_OFFSET_CAPTURE)) {
                    $event = substr($buffer, 0, $end[0][1]);
                    $buffer = substr($buffer, $end[0][1] + strlen($end[0][0]));
                    if ($this->show($event) && --$left <= 0) {
                        return 0; // ends the transfer
                    }
                }
                return strlen($some);
            },
        ]);
        curl_exec($curl);
        if ($left <= 0) {
            return self::SUCCESS;
        }
        $this->error(curl_errno($curl) !== 0 ? curl_error($curl) : 'the server has answered ' . curl_getinfo($curl, CURLINFO_RESPONSE_CODE) . ' ' . trim($buffer));
        return self::FAILURE;
    }

    /** Prints an event of the stream (WHATWG HTML, 9.2). Reports whether it was a push. */
    private function show(string $event): bool
    {
        $data = [];
        $name = 'message';
        foreach (preg_split('/\r?\n/', $event) as $line) {
            [$field, $value] = array_pad(explode(':', $line, 2), 2, '');
            $value = str_starts_with($value, ' ') ? substr($value, 1) : $value;
            if ($field === 'data') {
                $data[] = $value;
            } elseif ($field === 'event') {
                $name = $value;
            }
        }
        $text = implode("\n", $data);
        if ($data === [] || $name !== 'scenecast') {
            $data === [] || $this->line(($name === 'message' ? '' : "$name ") . $text);
            return $data !== [];
        }
        $said = json_decode($text, true);
        if (($said['type'] ?? '') === 'push') { // one that is late, or has a name that no event of a stream can have
            $this->line((isset($said['event']) ? $said['event'] . ' ' : '') . json_encode($said['data'], JSON_UNESCAPED_UNICODE | JSON_UNESCAPED_SLASHES));
            return true;
        }
        if (in_array($said['type'] ?? '', ['gap', 'close', 'expiring'], true)) {
            $this->warn($text);
        }
        return false;
    }
}
