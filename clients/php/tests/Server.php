<?php

declare(strict_types=1);

namespace Scenecast\Tests;

/** A real server, of the program that TESTED_BINARY names, and pages of it. It ends with the tests. */
final class Server
{
    public const KEY = 'key-of-the-php-tests';
    public const NARROW_KEY = 'narrow-key-of-the-php-tests';
    public const TOKEN = 'token-of-the-pages';
    public const SECRET = 'a secret of page tokens, 32 bytes or more';

    private static ?self $one = null;

    public readonly string $url;
    /** @var resource */
    private $process;
    private readonly string $folder;

    /** The server that all tests share. */
    public static function get(): self
    {
        return self::$one ??= new self();
    }

    /** @param array<string, mixed> $settings over those here */
    public function __construct(array $settings = [])
    {
        $this->folder = sys_get_temp_dir() . '/scenecast-php-' . bin2hex(random_bytes(6));
        mkdir($this->folder, 0o700);
        file_put_contents("$this->folder/scenecast.yaml", json_encode($settings + [ // what is JSON is YAML
            'listen' => '127.0.0.1:0',
            'client_tokens' => [self::TOKEN],
            'api_keys' => [['name' => 'php', 'key' => self::KEY], ['name' => 'narrow', 'key' => self::NARROW_KEY, 'allow' => ['push']]],
            'triggers' => ['orderShipped' => ['params' => ['order' => 'string'], 'to' => ['order' => '$order'], 'message' => ['code' => 200, 'message' => 'shipped']]],
            'presence' => [['key' => 'order']],
            'jwt' => ['keys' => [['key' => self::SECRET]]],
        ], JSON_UNESCAPED_SLASHES));
        $this->process = proc_open(
            [self::program(), 'serve', '--config', "$this->folder/scenecast.yaml"],
            [['file', '/dev/null', 'r'], ['file', "$this->folder/log", 'a'], ['file', "$this->folder/log", 'a']],
            $pipes,
            $this->folder,
            ['HOME' => $this->folder],
        );
        register_shutdown_function($this->stop(...));
        $this->url = 'http://' . $this->await('/msg=listening addr=(\S+)/');
    }

    /** A page with these labels, which is connected. @param array<string, string> $labels */
    public function page(array $labels, string $token = self::TOKEN): Page
    {
        return new Page($this, $labels, $token);
    }

    public static function program(): string
    {
        return getenv('TESTED_BINARY') ?: throw new \RuntimeException('TESTED_BINARY names the program that is tested');
    }

    public function stop(): void
    {
        if (is_resource($this->process)) {
            proc_terminate($this->process);
            proc_close($this->process);
            array_map(unlink(...), glob("$this->folder/*") ?: []);
            rmdir($this->folder);
        }
    }

    private function await(string $pattern): string
    {
        for ($until = microtime(true) + 60; microtime(true) < $until; usleep(5_000)) {
            $log = (string) file_get_contents("$this->folder/log");
            if (preg_match($pattern, $log, $match)) {
                return $match[1];
            }
            if (!proc_get_status($this->process)['running']) {
                break;
            }
        }
        throw new \RuntimeException("the log does not show $pattern: $log");
    }
}
