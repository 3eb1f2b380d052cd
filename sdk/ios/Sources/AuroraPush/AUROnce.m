#import "AUROnce.h"
#import "AURPushLog.h"

@implementation AUROnce {
    NSString *_name;
    NSUInteger _fallback;
    void (^_block)(NSUInteger); // nil once called; guarded by @synchronized(self)
}

- (instancetype)initWithName:(NSString *)name fallback:(NSUInteger)fallback block:(void (^)(NSUInteger))block {
    if ((self = [super init])) {
        _name = [name copy];
        _fallback = fallback;
        _block = [block copy];
    }
    return self;
}

- (void)callWithValue:(NSUInteger)value {
    void (^block)(NSUInteger) = nil;
    @synchronized(self) {
        block = _block;
        _block = nil;
    }
    if (block != nil) block(value);
    else AURPushLog(AURLogLevelWarning, @"%@ was called more than once; only the first call counts", _name);
}

- (void (^)(NSUInteger))block {
    return ^(NSUInteger value) { [self callWithValue:value]; };
}

- (void)dealloc {
    if (_block == nil) return;
    AURPushLog(AURLogLevelWarning, @"%@ was never called; it is called now", _name);
    _block(_fallback);
}

@end
