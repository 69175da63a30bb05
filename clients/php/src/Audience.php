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

    /** @internal */
    public static function of(Answer $answer): self
    {
        $byNode = [];
        foreach ($answer->objects('by_node') as $node) {
            $byNode[$node->int('node')] = $node->int('matched', 0);
        }
        return new self(
            $answer->int('matched'),
            $byNode,
            array_map(Connection::of(...), $answer->objects('sample')),
            $answer->int('nodes', 0),
            $answer->int('nodes_known', 0),
        );
    }
}
