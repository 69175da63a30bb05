<?php

declare(strict_types=1);

namespace Scenecast\Exception;

/** The server has refused a call, by a problem document (RFC 9457). Nothing was done, but where the kind is "uncertain". */
final class RequestFailed extends ScenecastException
{
    /**
     * @param int         $status     of HTTP
     * @param string      $kind       what it is, for programs: invalid, unauthorized, forbidden, not_found, too_many, unavailable, uncertain …
     *                                Empty: something between here and the server has answered
     * @param string      $where      the field, the parameter, or the place in it, that is wrong; or empty
     * @param string      $setting    the setting of the server that decides; or empty
     * @param int|null    $retryAfter seconds after which to try again; null: the server does not say
     */
    public function __construct(
        string $message,
        public readonly int $status,
        public readonly string $kind,
        public readonly string $where,
        public readonly string $setting,
        public readonly ?int $retryAfter,
    ) {
        parent::__construct($message, $status);
    }

    public function mayBeTriedAgain(): bool
    {
        return in_array($this->status, [502, 503, 504], true);
    }

    /** @internal @param array<string, mixed> $problem */
    public static function of(int $status, array $problem, ?int $retryAfter): self
    {
        $text = static fn (string $member): string => is_string($problem[$member] ?? null) ? $problem[$member] : '';
        $message = $text('detail') ?: $text('title') ?: "the server has answered $status";
        if ($text('where') !== '') {
            $message .= ' (at ' . $text('where') . ')';
        }
        if ($text('setting') !== '') {
            $message .= ' (setting ' . $text('setting') . ')';
        }
        return new self($message, $status, $text('kind'), $text('where'), $text('setting'), $retryAfter);
    }
}
