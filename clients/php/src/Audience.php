<?php

declare(strict_types=1);

namespace Scenecast;

/** How many pages an audience has. */
final class Audience
{
    /**
     * @param array<int, int>  $byNode     pages by node; empty for a confined key
     * @param list<Connection> $sample     the first of them, as many as were asked for
     * @param int              $nodes      nodes that have answered
     * @param int              $nodesKnown nodes that are known
     */
    public function __construct(
        public readonly int $matched,
        public readonly array $byNode,
        public readonly array $sample,
        public readonly int $nodes,
        public readonly int $nodesKnown,
    ) {
    }

    /** @internal @param array<string, mixed> $answer */
    public static function of(array $answer): self
    {
        return new self(
            $answer['matched'] ?? 0,
            array_column($answer['by_node'] ?? [], 'matched', 'node'),
            array_map(Connection::of(...), $answer['sample'] ?? []),
            $answer['nodes'] ?? 0,
            $answer['nodes_known'] ?? 0,
        );
    }
}
