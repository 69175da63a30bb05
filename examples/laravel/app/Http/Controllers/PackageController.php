<?php

namespace App\Http\Controllers;

use Illuminate\Http\Request;
use Illuminate\Routing\Controller;
use Scenecast\Laravel\Facades\Scenecast;

/** The same by the package: who gets it, and what. */
class PackageController extends Controller
{
    public function push(Request $request)
    {
        $page = $request->validate(['page' => 'required|in:home,list'])['page'];
        return ['reached' => Scenecast::to(['page' => $page])->push(['message' => "后端按了按钮：$page"])->matched];
    }
}
