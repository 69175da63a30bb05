<?php

declare(strict_types=1);

namespace Scenecast;

/** What has become of a push. */
final class PushResult
{
    /**
     * @param string   $id         the push's name; empty of a dry run
     * @param string   $position   its place in the order of all pushes; empty of a dry run, and for a confined key
     * @param int      $matched    pages that the audience chose
     * @param int      $queued     of those, the ones that are being sent it
     * @param int      $dropped    of those, the ones that were too slow: they are closed, and come back
     * @param int|null $written    pages for which the server's kernel has it; null: no receipt was asked for
     * @param int|null $acked      pages that have said that the application has it; null: that was not asked for
     * @param int|null $timedOut   pages of which the receipt was not in when the timeout was over
     * @param int      $nodes      nodes that have answered
     * @param int      $nodesKnown nodes that are known: where fewer have answered, the figures are of those
     * @param bool     $replayed   the push was sent by an earlier call with the same id: this is the answer of that
     */
    public function __construct(
        public readonly string $id,
        public readonly string $position,
        public readonly int $matched,
        public readonly int $queued,
        public readonly int $dropped,
        public readonly ?int $written,
        public readonly ?int $acked,
        public readonly ?int $timedOut,
        public readonly int $nodes,
        public readonly int $nodesKnown,
        public readonly bool $replayed,
    ) {
    }

    /** @internal */
    public static function of(Answer $answer): self
    {
        return new self(
            $answer->text('id', ''),
            $answer->text('position', ''),
            $answer->int('matched'),
            $answer->int('queued', 0),
            $answer->int('dropped', 0),
            $answer->intOrNull('written'),
            $answer->intOrNull('acked'),
            $answer->intOrNull('timed_out'),
            $answer->int('nodes', 0),
            $answer->int('nodes_known', 0),
            $answer->bool('replayed', false),
        );
    }
}
