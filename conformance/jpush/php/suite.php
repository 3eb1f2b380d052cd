<?php
// Runs the tests of JPush's PHP client, and prints a line for each. They are
// written for a PHPUnit that no PHP of today runs, so its part that they use
// stands here.
//   php suite.php CHECKOUT
namespace PHPUnit\Framework {
    class AssertionFailed extends \Exception {}

    #[\AllowDynamicProperties]
    class TestCase {
        private function must($ok, $what) {
            if (!$ok) throw new AssertionFailed($what);
        }

        public function assertTrue($v) { $this->must($v === true, 'it is not true: ' . json_encode($v)); }
        public function assertFalse($v) { $this->must($v === false, 'it is not false: ' . json_encode($v)); }
        public function assertEquals($want, $got) { $this->must($want == $got, json_encode($got) . ' is not ' . json_encode($want)); }
        public function assertArrayHasKey($key, $v) { $this->must(is_array($v) && array_key_exists($key, $v), "it has no $key: " . json_encode($v)); }
    }
}

namespace {
    error_reporting(E_ERROR);
    require $argv[1] . '/autoload.php';
    require $argv[1] . '/tests/bootstrap.php';

    // why makes a test; its answer is null if it passed. $with is what the test
    // gets that it depends on, $made what it returns.
    function why($test, $method, $expected, $code, $with, &$made) {
        try {
            $setUp = new ReflectionMethod($test, 'setUp');
            $setUp->invoke($test);
            $made = $test->$method(...$with);
        } catch (Throwable $e) {
            $told = get_class($e) . ': ' . $e->getMessage();
            if ($expected === null) return $told;
            if (!is_a($e, ltrim($expected, '\\'))) return "$told; it must be $expected";
            return $code === null || $code == $e->getCode() ? null : "$told with the code " . $e->getCode() . "; it must be $code";
        }
        return $expected === null ? null : "no $expected was thrown";
    }

    foreach (glob($argv[1] . '/tests/JPush/*Test.php') as $file) {
        require $file;
        $class = new ReflectionClass('JPush\\Tests\\' . basename($file, '.php'));
        $returned = [];
        foreach ($class->getMethods() as $method) {
            if (strncmp($method->name, 'test', 4) !== 0) continue;
            $said = (string) $method->getDocComment();
            $expected = preg_match('/@expectedException\s+(\S+)/', $said, $m) ? $m[1] : null;
            $code = preg_match('/@expectedExceptionCode\s+(\S+)/', $said, $m) ? $m[1] : null;
            preg_match_all('/@depends\s+(\S+)/', $said, $m);
            $with = array_map(fn($name) => $returned[$name] ?? null, $m[1]);
            $why = why($class->newInstance(), $method->name, $expected, $code, $with, $returned[$method->name]);
            echo "\nresult ", json_encode(['test' => $class->getShortName() . '.' . $method->name, 'failed' => $why !== null, 'why' => $why ?? '']), "\n";
        }
    }
}
