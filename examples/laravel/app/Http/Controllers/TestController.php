<?php

namespace App\Http\Controllers;

use Illuminate\Routing\Controller;

/** The tutorial's controller: two pages, and one with buttons, which has the push server called by curl. */
class TestController extends Controller
{
    public function home()
    {
        return view('home');
    }

    public function list()
    {
        return view('list');
    }

    public function back()
    {
        if (request()->method() !== 'POST') {
            return view('back');
        }
        $this->curl_get($this->getUrl());
        return json_encode(['code' => 200, 'message' => '成功']);
    }

    /** The call that the push server understands as the tutorial's does: func says what to do. */
    public function getUrl(): string
    {
        $host = request()->getHost();
        return "http://$host:9502?func=" . urlencode(request()->post('func')) . '&token=123456&page=back';
    }

    public function curl_get(string $url): string
    {
        $curl = curl_init($url);
        curl_setopt($curl, CURLOPT_TIMEOUT_MS, 3000);
        curl_setopt($curl, CURLOPT_RETURNTRANSFER, true);
        return (string) curl_exec($curl);
    }
}
