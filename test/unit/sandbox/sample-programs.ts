// Small programs of different kinds. Each is `$run (param $n i32) (result i64)` with what it needs.

/** Name -> fields of a module. */
export const SAMPLE_PROGRAMS: Readonly<Record<string, string>> = {
  fib: `(func $run (param $n i32) (result i64)
    (if (result i64) (i32.lt_u (local.get $n) (i32.const 2)) (then (i64.extend_i32_u (local.get $n)))
      (else (i64.add (call $run (i32.sub (local.get $n) (i32.const 1))) (call $run (i32.sub (local.get $n) (i32.const 2)))))))`,

  "bubble sort": `(func $run (param $n i32) (result i64) (local $i i32) (local $j i32) (local $a i32) (local $b i32) (local $sum i64)
    (loop $fill (i32.store (i32.shl (local.get $i) (i32.const 2)) (i32.mul (local.get $i) (i32.const 0x9e3779b1)))
      (br_if $fill (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 40))))
    (loop $outer (local.set $j (i32.const 0))
      (loop $inner
        (local.set $a (i32.load (i32.shl (local.get $j) (i32.const 2))))
        (local.set $b (i32.load offset=4 (i32.shl (local.get $j) (i32.const 2))))
        (if (i32.gt_s (local.get $a) (local.get $b)) (then
          (i32.store (i32.shl (local.get $j) (i32.const 2)) (local.get $b))
          (i32.store offset=4 (i32.shl (local.get $j) (i32.const 2)) (local.get $a))))
        (br_if $inner (i32.lt_u (local.tee $j (i32.add (local.get $j) (i32.const 1))) (i32.const 39))))
      (br_if $outer (local.tee $i (i32.sub (local.get $i) (i32.const 1)))))
    (loop $add (local.set $sum (i64.add (i64.mul (local.get $sum) (i64.const 31)) (i64.load32_s (i32.shl (local.get $i) (i32.const 2)))))
      (br_if $add (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 40))))
    (i64.add (local.get $sum) (i64.extend_i32_u (local.get $n))))`,

  crc32: `(func $run (param $n i32) (result i64) (local $crc i32) (local $i i32) (local $k i32) (local.set $crc (i32.const -1))
    (loop $byte (local.set $crc (i32.xor (local.get $crc) (i32.and (local.get $i) (i32.const 255)))) (local.set $k (i32.const 8))
      (loop $bit (local.set $crc (i32.xor (i32.shr_u (local.get $crc) (i32.const 1))
          (i32.and (i32.const 0xedb88320) (i32.sub (i32.const 0) (i32.and (local.get $crc) (i32.const 1))))))
        (br_if $bit (local.tee $k (i32.sub (local.get $k) (i32.const 1)))))
      (br_if $byte (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 300))))
    (i64.extend_i32_u (i32.xor (i32.const -1) (local.get $crc))))`,

  "state machine": `(func $run (param $n i32) (result i64) (local $state i32) (local $seed i32) (local $out i64)
    (local.set $seed (i32.add (local.get $n) (i32.const 77)))
    (loop $next (local.set $seed (i32.add (i32.mul (local.get $seed) (i32.const 1664525)) (i32.const 1013904223)))
      (block $done (block $c (block $b (block $a (br_table $a $b $c $done (i32.and (i32.shr_u (local.get $seed) (i32.const 9)) (i32.const 3))))
        (local.set $out (i64.add (local.get $out) (i64.const 3))) (br $done))
        (local.set $out (i64.rotl (local.get $out) (i64.const 5))) (br_if $done (i64.eqz (local.get $out))))
        (local.set $out (i64.xor (local.get $out) (i64.extend_i32_s (local.get $seed)))))
      (br_if $next (i32.lt_u (local.tee $state (i32.add (local.get $state) (i32.const 1))) (i32.const 500))))
    (local.get $out))`,

  "bulk memory": `(data $d "the quick brown fox") (func $run (param $n i32) (result i64)
    (memory.fill (i32.const 100) (local.get $n) (i32.const 5000)) (memory.init $d (i32.const 200) (i32.const 4) (i32.const 11))
    (memory.copy (i32.const 3000) (i32.const 196) (i32.const 64)) (memory.copy (i32.const 198) (i32.const 196) (i32.const 64))
    (i64.add (i64.load (i32.const 3004)) (i64.mul (i64.load (i32.const 205)) (i64.const 7))))`,

  simd: `(func $run (param $n i32) (result i64) (local $v v128) (local $w v128) (local $i i32)
    (local.set $v (i32x4.splat (local.get $n))) (local.set $w (v128.const i8x16 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16))
    (loop (local.set $v (i8x16.add_sat_u (i16x8.mul (local.get $v) (local.get $w)) (i8x16.shuffle 15 14 13 12 11 10 9 8 0 1 2 3 16 17 18 19 (local.get $w) (local.get $v))))
      (v128.store (i32.const 64) (local.get $v)) (local.set $w (v128.xor (v128.load8x8_u (i32.const 65)) (i32x4.extmul_low_i16x8_s (local.get $v) (local.get $w))))
      (local.set $v (v128.load16_lane 3 (i32.const 70) (local.get $v)))
      (br_if 0 (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 50))))
    (i64.xor (i64x2.extract_lane 0 (local.get $v)) (i64x2.extract_lane 1 (v128.bitselect (local.get $v) (local.get $w) (i8x16.lt_s (local.get $v) (local.get $w))))))`,

  floats: `(func $run (param $n i32) (result i64) (local $x f64) (local $i i32) (local.set $x (f64.convert_i32_s (local.get $n)))
    (loop (local.set $x (f64.add (f64.sqrt (f64.abs (local.get $x))) (f64.div (f64.const 7.25) (f64.promote_f32 (f32.nearest (f32.convert_i32_u (local.get $i)))))))
      (br_if 0 (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 20))))
    (i64.add (i64.trunc_sat_f64_s (f64.mul (local.get $x) (f64.const 1e9))) (i64.trunc_f64_s (f64.min (f64.const 1e6) (f64.ceil (local.get $n) (f64.convert_i32_s) )))))`,

  "indirect calls": `(type $f (func (param i64) (result i64))) (table 4 8 funcref) (elem (i32.const 0) $inc $dbl $neg)
    (func $inc (type $f) (i64.add (local.get 0) (i64.const 1))) (func $dbl (type $f) (i64.shl (local.get 0) (i64.const 1)))
    (func $neg (type $f) (i64.sub (i64.const 0) (local.get 0)))
    (func $run (param $n i32) (result i64) (local $i i32) (local $x i64) (local.set $x (i64.const 5)) (table.set (i32.const 3) (ref.func $dbl))
      (drop (table.grow (ref.func $inc) (i32.const 2)))
      (loop (local.set $x (call_indirect (type $f) (local.get $x) (i32.rem_u (i32.add (local.get $i) (local.get $n)) (table.size))))
        (br_if 0 (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 90)))) (local.get $x))`,

  "multi-value": `(type $pair (func (result i32 i64))) (func $divmod (param i32 i32) (result i32 i32)
      (i32.div_u (local.get 0) (local.get 1)) (i32.rem_u (local.get 0) (local.get 1)) local.get 1 i32.const 9 i32.eq br_if 0 i32.add i32.const 3 return)
    (func $pick (param i32) (result i32 i64) i32.const 4 i64.const 5 local.get 0 br_if 0 drop drop
      local.get 0 if (type $pair) i32.const 1 i64.const 2 else i32.const 8 i64.const 9 end)
    (func $run (param $n i32) (result i64) (local i32 i32 i64) (i32.add (local.get $n) (i32.const 100)) i32.const 7 call $divmod local.set 1 local.set 2
      i32.const 91 i32.const 9 call $divmod i32.add local.get 1 i32.add local.set 1
      (i32.and (local.get $n) (i32.const 1)) call $pick local.set 3 local.get 2 i32.add local.get 1 i32.mul i64.extend_i32_s local.get 3 i64.add)`,

  "early returns": `(func $f (param i32) (result i64)
      (block (block (block (br_table 0 1 2 (local.get 0))) (return (i64.const 11))) (if (i32.gt_u (local.get 0) (i32.const 0)) (then (return (i64.const 22)))))
      (loop (result i64) (if (i32.eq (local.get 0) (i32.const 9)) (then (return (i64.const 33)))) (local.set 0 (i32.add (local.get 0) (i32.const 1)))
        (br_if 0 (i32.lt_u (local.get 0) (i32.const 12))) (i64.extend_i32_u (local.get 0))))
    (func $run (param $n i32) (result i64) (i64.add (call $f (i32.rem_u (local.get $n) (i32.const 12))) (i64.mul (call $f (i32.const 10)) (i64.const 1000))))`,

  "growing memory": `(func $run (param $n i32) (result i64) (local $old i32) (local.set $old (memory.grow (i32.const 2)))
    (i32.store8 (i32.add (i32.mul (local.get $old) (i32.const 65536)) (local.get $n)) (i32.const 200))
    (i64.add (i64.load8_s (i32.add (i32.mul (local.get $old) (i32.const 65536)) (local.get $n)))
      (i64.add (i64.extend_i32_s (memory.grow (i32.const 5000))) (i64.extend_i32_u (i32.mul (memory.size) (i32.const 1000))))))`,

  globals: `(global $a (mut i64) (i64.const 1)) (global $b i64 (i64.const 6364136223846793005)) (global $c (mut i32) (i32.const 0))
    (func $step (global.set $a (i64.add (i64.mul (global.get $a) (global.get $b)) (i64.const 1442695040888963407))))
    (func $run (param $n i32) (result i64) (global.set $c (local.get $n))
      (loop call $step (br_if 0 (i32.lt_s (global.get $c) (i32.const 60)) (global.set $c (i32.add (global.get $c) (i32.const 1))))) (global.get $a))`,
};
