<?php

declare(strict_types=1);

namespace Scenecast\Laravel\Console;

use Illuminate\Console\Command;

final class InstallCommand extends Command
{
    protected $signature = 'scenecast:install';

    protected $description = 'Publish config/scenecast.php and add what it needs to .env, with new secrets; show what the server needs';

    public function handle(): int
    {
        $this->callSilent('vendor:publish', ['--tag' => 'scenecast-config']);
        $file = $this->laravel->environmentFilePath();
        $env = is_file($file) ? (string) file_get_contents($file) : '';
        $driver = version_compare($this->laravel->version(), '11', '>=') ? 'BROADCAST_CONNECTION' : 'BROADCAST_DRIVER';
        $values = [
            'SCENECAST_URL' => 'http://127.0.0.1:9502',
            'SCENECAST_KEY' => bin2hex(random_bytes(20)),
            'SCENECAST_JWT_SECRET' => bin2hex(random_bytes(32)),
        ];
        $added = [];
        foreach ($values as $name => $value) {
            if (!preg_match("/^$name=\S/m", $env)) {
                $env = preg_replace("/^$name=.*\n?/m", '', $env);
                $added[] = "$name=$value";
            }
        }
        if ($added !== []) {
            $text = ($env === '' || str_ends_with($env, "\n") ? $env : "$env\n") . "\n" . implode("\n", $added) . "\n";
            if (file_put_contents($file, $text) === false) {
                $this->error("$file cannot be written");
                return self::FAILURE;
            }
        }
        $this->line($added === [] ? "$file has all that is needed." : 'Added to ' . $file . ': ' . implode(', ', array_map(fn (string $line): string => strtok($line, '='), $added)) . '.');
        $this->line('');
        $this->line('The server needs the same, in scenecast.yaml:');
        $this->line('  api_keys: [{name: laravel, key: "the SCENECAST_KEY of .env"}]');
        $this->line('  jwt: {keys: [{key: "the SCENECAST_JWT_SECRET of .env"}]}');
        $this->line('');
        $this->line("To broadcast events by it, set $driver=scenecast, and in config/broadcasting.php, below connections: 'scenecast' => ['driver' => 'scenecast'].");
        return self::SUCCESS;
    }
}
