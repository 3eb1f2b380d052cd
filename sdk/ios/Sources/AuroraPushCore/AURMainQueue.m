#import "AURClock.h"

@implementation AURMainQueue

+ (instancetype)shared {
    static AURMainQueue *shared;
    @synchronized(self) {
        if (shared == nil) shared = [[self alloc] init];
        return shared;
    }
}

// Not by the main NSOperationQueue: it promises no order, and GNUstep's runs operations on other threads.
- (void)perform:(void (^)(void))block { [self performSelectorOnMainThread:@selector(run:) withObject:[block copy] waitUntilDone:NO]; }

- (void)run:(void (^)(void))block { block(); }

@end
