<?php

declare(strict_types=1);

namespace Scenecast\Tests;

/** A page: the command `scenecast listen`, which prints what it gets. */
final class Page
{
    /** @var resource */
    private $process;
    /** @var resource */
    private $output;
    /** @var resource */
    private $errors;

    /** @param array<string, string> $labels */
    public function __construct(private readonly Server $server, array $labels, string $token)
    {
        $arguments = [];
        foreach ($labels as $key => $value) {
            array_push($arguments, '--label', "$key=$value");
        }
        $this->process = proc_open(
            [Server::program(), 'listen', '--ack', '--url', $server->url, '--client-token', $token, ...$arguments],
            [['file', '/dev/null', 'r'], ['pipe', 'w'], ['pipe', 'w']],
            $pipes,
            null,
            ['HOME' => sys_get_temp_dir()],
        );
        [, $this->output, $this->errors] = $pipes;
        register_shutdown_function($this->close(...));
    }

    /** The next message, decoded. */
    public function next(): mixed
    {
        $read = [$this->output];
        $none = null;
        if (!stream_select($read, $none, $none, 60)) {
            throw new \RuntimeException('the page gets nothing');
        }
        $line = fgets($this->output);
        if ($line === false) {
            throw new \RuntimeException('the page has ended: ' . stream_get_contents($this->errors));
        }
        return json_decode($line, true, 512, JSON_THROW_ON_ERROR);
    }

    public function close(): void
    {
        if (is_resource($this->process)) {
            proc_terminate($this->process);
            fclose($this->output);
            fclose($this->errors);
            proc_close($this->process);
        }
    }
}
