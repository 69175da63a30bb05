<?php

declare(strict_types=1);

namespace Scenecast\Laravel;

use Illuminate\Notifications\Notification;
use Scenecast\Push;
use Scenecast\PushResult;
use Scenecast\Scenecast;

/**
 * The notification channel "scenecast". A notification says what by toScenecast($notifiable), or toArray($notifiable); who gets it says the
 * notifiable by routeNotificationForScenecast(), an audience; otherwise it is all pages of the user.
 */
final class ScenecastChannel
{
    public function __construct(private readonly Scenecast $scenecast)
    {
    }

    public function send(mixed $notifiable, Notification $notification): ?PushResult
    {
        $message = method_exists($notification, 'toScenecast') ? $notification->toScenecast($notifiable) : $notification->toArray($notifiable);
        if ($message === null) {
            return null;
        }
        if ($message instanceof Push) { // with an audience of its own
            return $message->push();
        }
        $audience = $notifiable->routeNotificationFor('scenecast', $notification);
        if (!$audience) {
            if (!method_exists($notifiable, 'getKey')) {
                throw new \InvalidArgumentException('who gets the notification? ' . $notifiable::class . ' needs a route for scenecast: an audience');
            }
            $audience = ['@user' => (string) $notifiable->getKey()];
        }
        $push = $this->scenecast->to($audience)->event($notification::class);
        if ($message instanceof ScenecastMessage) {
            return $message->of($push)->push();
        }
        return $push->id($notification->id ?: Scenecast::newId())->push($message);
    }
}
