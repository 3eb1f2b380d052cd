#import "AURSystemClock.h"

/// A timer on the main run loop. Made, fired and cancelled there; only the block is touched from elsewhere, under a lock.
@interface AURMainTimer : NSObject <AURCancellable>
- (instancetype)initWithBlock:(void (^)(void))block;
@end

@implementation AURMainTimer {
    void (^_block)(void); // nil once fired or cancelled; guarded by @synchronized(self)
    NSTimer *_timer;      // main thread only
}

- (instancetype)initWithBlock:(void (^)(void))block {
    if ((self = [super init])) _block = [block copy];
    return self;
}

- (void)startAfter:(NSNumber *)seconds {
    _timer = [NSTimer timerWithTimeInterval:seconds.doubleValue target:self selector:@selector(fire) userInfo:nil repeats:NO];
    [[NSRunLoop mainRunLoop] addTimer:_timer forMode:NSRunLoopCommonModes];
}

- (void (^)(void))take {
    @synchronized(self) {
        void (^block)(void) = _block;
        _block = nil;
        return block;
    }
}

- (void)fire {
    void (^block)(void) = [self take];
    [self end];
    if (block != nil) block();
}

- (void)cancel {
    if ([self take] != nil) [self performSelectorOnMainThread:@selector(end) withObject:nil waitUntilDone:NO];
}

- (void)end {
    [_timer invalidate];
    _timer = nil;
}

@end

@implementation AURSystemClock

- (NSDate *)now { return [NSDate date]; }

- (id<AURCancellable>)after:(NSTimeInterval)seconds perform:(void (^)(void))block {
    AURMainTimer *timer = [[AURMainTimer alloc] initWithBlock:block];
    [timer performSelectorOnMainThread:@selector(startAfter:) withObject:@(seconds) waitUntilDone:NO];
    return timer;
}

@end

@implementation AURBackgroundQueue {
    NSOperationQueue *_queue;
    NSMutableArray<void (^)(void)> *_blocks; // in order; an operation runs the first, whichever operation it is; guarded by @synchronized(self)
}

- (instancetype)init {
    if ((self = [super init])) {
        _queue = [[NSOperationQueue alloc] init];
        _queue.maxConcurrentOperationCount = 1;
        _queue.name = @"AuroraPush";
        _blocks = [NSMutableArray array];
    }
    return self;
}

// An NSOperationQueue promises to run one at a time, but no order.
- (void)perform:(void (^)(void))block {
    @synchronized(self) {
        [_blocks addObject:[block copy]];
    }
    [_queue addOperationWithBlock:^{ [self runNext]; }];
}

- (void)runNext {
    void (^block)(void) = nil;
    @synchronized(self) {
        block = _blocks.firstObject;
        [_blocks removeObjectAtIndex:0];
    }
    block();
}

@end
