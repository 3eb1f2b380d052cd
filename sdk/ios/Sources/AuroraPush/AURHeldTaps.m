#import "AURHeldTaps.h"

static const NSUInteger MaxHeld = 20;

@implementation AURHeldTaps {
    void (^_callbacks)(void (^)(void));
    NSMutableArray<NSArray *> *_held; // [payload, action or NSNull]; guarded by @synchronized(self), as is the handler
    AURTapHandler _handler;
    NSArray *_latest;            // the tap added last, held or not
}

- (instancetype)initWithCallbacks:(void (^)(void (^)(void)))callbacks {
    if ((self = [super init])) {
        _callbacks = [callbacks copy];
        _held = [NSMutableArray array];
    }
    return self;
}

- (AURTapHandler)handler {
    @synchronized(self) {
        return _handler;
    }
}

- (void)setHandler:(AURTapHandler)handler {
    @synchronized(self) {
        _handler = [handler copy];
    }
    [self drainLater];
}

- (void)addPayload:(NSDictionary *)payload action:(NSString *)action {
    NSArray *tap = @[ [payload copy], action ?: [NSNull null] ];
    @synchronized(self) {
        if ([_latest isEqual:tap]) return; // a tap that starts the app may be told twice: by the launch options, and by the delegate
        _latest = tap;
        [_held addObject:tap];
        if (_held.count > MaxHeld) [_held removeObjectAtIndex:0];
    }
    [self drainLater];
}

- (void)drainLater {
    _callbacks(^{ [self drain]; });
}

- (void)drain {
    for (;;) {
        AURTapHandler handler = nil;
        NSArray *tap = nil;
        @synchronized(self) {
            handler = _handler;
            tap = _held.firstObject;
            if (handler == nil || tap == nil) return;
            [_held removeObjectAtIndex:0];
        }
        handler(tap[0], tap[1] == [NSNull null] ? nil : tap[1]);
    }
}

@end
