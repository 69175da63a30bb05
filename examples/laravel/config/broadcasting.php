<?php

return ['default' => 'scenecast', 'connections' => ['scenecast' => ['driver' => 'scenecast']]];
