<?php

declare(strict_types=1);

namespace Scenecast\Laravel\Console;

use Illuminate\Console\Command;
use Scenecast\Exception\ScenecastException;
use Scenecast\Scenecast;

final class PushCommand extends Command
{
    protected $signature = 'scenecast:push
        {audience : which pages: a text such as page=="home", or * for everybody}
        {message? : JSON, or a text}
        {--event= : a name for the message}
        {--dry-run : only count the pages}';

    protected $description = 'Push a message to pages';

    public function handle(Scenecast $scenecast): int
    {
        try {
            $push = $scenecast->to((string) $this->argument('audience'));
            if ($this->option('dry-run')) {
                $this->line($push->count() . ' pages would get it');
                return self::SUCCESS;
            }
            if ($this->argument('message') === null) {
                $this->error('a push needs a message; --dry-run counts without one');
                return self::INVALID;
            }
            $text = (string) $this->argument('message');
            $message = json_decode($text);
            if ($this->option('event') !== null) {
                $push = $push->event((string) $this->option('event'));
            }
            $result = $push->push(json_last_error() === JSON_ERROR_NONE ? $message : $text);
        } catch (ScenecastException | \InvalidArgumentException $e) {
            $this->error($e->getMessage());
            return self::FAILURE;
        }
        $this->line("$result->matched pages get it (push $result->id)");
        return self::SUCCESS;
    }
}
