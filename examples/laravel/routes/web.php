<?php

use App\Http\Controllers\PackageController;
use App\Http\Controllers\TestController;
use Illuminate\Support\Facades\Route;

Route::redirect('/', '/back');
Route::get('/home', [TestController::class, 'home'])->name('home');
Route::get('/list', [TestController::class, 'list'])->name('list');
Route::match(['get', 'post'], '/back', [TestController::class, 'back'])->name('back');

Route::prefix('package')->group(function () {
    Route::view('/home', 'package.page', ['page' => 'home']);
    Route::view('/list', 'package.page', ['page' => 'list']);
    Route::view('/back', 'package.back');
    Route::post('/push', [PackageController::class, 'push']);
});
