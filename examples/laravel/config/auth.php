<?php

// The example has no login: every page is nobody's.
return ['defaults' => ['guard' => 'nobody'], 'guards' => ['nobody' => ['driver' => 'nobody']], 'providers' => []];
